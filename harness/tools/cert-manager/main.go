// Runs cert-manager's controllers for Certificates and for Issuers of the kinds CA and ACME against one cluster: what its
// own cmd/controller does, without leader election and metrics server, and without the webhook.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/controller/acmechallenges"
	"github.com/cert-manager/cert-manager/pkg/controller/acmeorders"
	"github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/acme"
	"github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	"github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	"github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig")
	tellVersion := flag.Bool("version", false, "tell the version of cert-manager that is inside")
	nameservers := flag.String("dns01-recursive-nameservers", "", "ADDRESS:PORT of each server that is asked for DNS-01 records, by commas")
	only := flag.Bool("dns01-recursive-nameservers-only", false, "ask those alone, and never a zone's own servers")
	flag.Parse()
	if *tellVersion {
		fmt.Println("cert-manager-controllers", version())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, acmeOptions(*nameservers, *only)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/cert-manager/cert-manager" {
			return module.Version
		}
	}
	return "unknown"
}

// acmeOptions makes of the flags what cert-manager's own controller makes of them.
func acmeOptions(nameservers string, only bool) controller.ACMEOptions {
	options := controller.ACMEOptions{
		ACMEHTTP01SolverRunAsNonRoot: true,
		DNS01CheckAuthoritative:      !only,
		DNS01CheckRetryPeriod:        time.Second,
	}
	if nameservers != "" {
		options.DNS01Nameservers = strings.Split(nameservers, ",")
	}
	return options
}

func run(ctx context.Context, kubeconfig string, acmeOptions controller.ACMEOptions) error {
	factory, err := controller.NewContextFactory(ctx, controller.ContextOptions{
		Kubeconfig:         kubeconfig,
		KubernetesAPIQPS:   20,
		KubernetesAPIBurst: 50,
		ACMEOptions:        acmeOptions,
		SchedulerOptions:   controller.SchedulerOptions{MaxConcurrentChallenges: 60},
		CertificateOptions: controller.CertificateOptions{
			CertificateRequestMinimumBackoffDuration: time.Hour,
			CertificateRequestMaximumBackoffDuration: 32 * time.Hour,
		},
	})
	if err != nil {
		return err
	}
	base, err := factory.Build()
	if err != nil {
		return err
	}
	names := []string{
		acmechallenges.ControllerName, acmeorders.ControllerName, acme.CRControllerName,
		issuers.ControllerName, approver.ControllerName, ca.CRControllerName, issuing.ControllerName, keymanager.ControllerName,
		readiness.ControllerName, requestmanager.ControllerName, revisionmanager.ControllerName, trigger.ControllerName,
	}
	var running sync.WaitGroup
	for _, name := range names {
		build, known := controller.Known()[name]
		if !known {
			return fmt.Errorf("cert-manager has no controller %s", name)
		}
		one, err := build(factory)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		running.Go(func() {
			if err := one.Run(2, ctx); err != nil {
				fmt.Fprintln(os.Stderr, name, err)
			}
		})
	}
	base.SharedInformerFactory.Start(ctx.Done())
	base.KubeSharedInformerFactory.Start(ctx.Done())
	base.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	running.Wait()
	return nil
}
