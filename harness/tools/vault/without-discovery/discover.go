// Package discover is in the place of go-discover, which asks some twenty clouds for the servers that a Vault with Raft joins by
// `auto_join`. Their clients are half of what Vault compiles. This one knows none, and says so when it is asked.
package discover

import (
	"errors"
	"log"
)

var errWithout = errors.New("this Vault is built without cloud discovery: auto_join cannot be used")

// Provider finds addresses in one cloud.
type Provider interface {
	Addrs(args map[string]string, l *log.Logger) ([]string, error)
	Help() string
}

// Providers are none.
var Providers = map[string]Provider{}

// Config is what a string of auto_join says.
type Config map[string]string

// Parse refuses every configuration.
func Parse(string) (Config, error) { return nil, errWithout }

func (Config) String() string { return "" }

// Discover finds nothing.
type Discover struct{}

// Option is for New.
type Option func(*Discover) error

// New takes whatever options there are, and heeds none.
func New(...Option) (*Discover, error) { return &Discover{}, nil }

// WithProviders is not heeded.
func WithProviders(map[string]Provider) Option { return func(*Discover) error { return nil } }

// Addrs refuses every configuration.
func (*Discover) Addrs(string, *log.Logger) ([]string, error) { return nil, errWithout }
