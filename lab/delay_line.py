"""A delay line between two TAP devices: delay_line.py DEVICE DEVICE

Carries Ethernet frames from either device to the other, each later by a delay that varies by a jitter, or not at all.
Standard input sets it, a line at a time: "DELAY_MS JITTER_MS LOSS_PERCENT OVERTAKEN_PERCENT"; its end ends the program,
and the kernel removes the devices. Frames keep their order whatever the jitter, but for the share that is overtaken.
Works on kernels without sch_netem.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
LONGEST_FRAME = 65_600
MOST_WAITING = 20_000
OVERTAKEN_SECONDS = 0.1


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


class DelayLine:
    def __init__(self, one, other):
        self.other = {one: other, other: one}
        self.last = {one: 0.0, other: 0.0}
        self.waiting = []
        self.count = 0
        self.delay = self.jitter = self.loss = self.overtaken = 0.0

    def set(self, line):
        delay, jitter, loss, overtaken = map(float, line.split())
        self.delay, self.jitter = delay / 1000, jitter / 1000
        self.loss, self.overtaken = loss / 100, overtaken / 100

    def take(self, tap):
        """Reads all frames that are there."""
        for _ in range(256):
            try:
                frame = os.read(tap, LONGEST_FRAME)
            except BlockingIOError:
                return
            if random.random() < self.loss or len(self.waiting) >= MOST_WAITING:
                continue
            later = max(0.0, self.delay + random.uniform(-self.jitter, self.jitter))
            due = max(time.monotonic() + later, self.last[tap])
            if random.random() < self.overtaken:
                due += OVERTAKEN_SECONDS
            else:
                self.last[tap] = due
            self.count += 1
            heapq.heappush(self.waiting, (due, self.count, self.other[tap], frame))

    def give(self):
        """Writes what is due. Returns seconds until the next is, or None."""
        while self.waiting:
            rest = self.waiting[0][0] - time.monotonic()
            if rest > 0:
                return rest
            _, _, tap, frame = heapq.heappop(self.waiting)
            try:
                os.write(tap, frame)
            except OSError:
                pass  # The device is down: what a cut cable does to a frame.
        return None


def main():
    taps = [open_tap(name) for name in sys.argv[1:3]]
    line = DelayLine(*taps)
    orders = b""
    followed = 0
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([0, *taps], [], [], line.give())
        if 0 in readable:
            read = os.read(0, 4096)
            if not read:
                return
            *whole, orders = (orders + read).split(b"\n")
            for order in whole:
                line.set(order.decode())
                followed += 1
                print(f"followed {followed}", flush=True)
        for tap in taps:
            if tap in readable:
                try:
                    line.take(tap)
                except OSError:
                    time.sleep(0.01)  # The device is not up yet.


main()
