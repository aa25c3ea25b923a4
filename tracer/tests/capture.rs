//! Live capture against tcpdump, in network namespaces of its own; needs root.
//!
//! With `FINRST_NO_SKIP=1` a test that cannot run fails.

#[cfg(test)]
#[path = "capture/netns.rs"]
mod netns;
#[cfg(test)]
#[path = "capture/tcpdump.rs"]
mod tcpdump;
#[cfg(test)]
#[path = "capture/traffic.rs"]
mod traffic;

#[cfg(test)]
mod tests {
    use std::{env, net::SocketAddr, process::Command, time::Duration};

    use tokio::runtime::{Builder, Runtime};
    use tracer::{
        model::{
            observation::SegmentFlags,
            segment::{CaptureClock, Device, Direction, Headers, Seen},
        },
        packet::{
            build,
            frame::Frame,
            live::{Devices, Live, LiveError, Namespace, Options},
            parse::NotSegments,
        },
    };

    use crate::{
        netns::Netns,
        tcpdump::Tcpdump,
        traffic::{SEGMENTS, inject, play, play_with_options},
    };

    const ROUNDS: usize = 5;

    fn skip(reason: &str) {
        eprintln!("SKIP {reason}");
        let strict = env::var_os("FINRST_NO_SKIP").is_some_and(|value| value == "1");
        assert!(!strict, "skipped: {reason}");
    }

    /// What a test needs; `None` when it is not to be had, which was said.
    fn needs<T>(made: Result<T, String>) -> Option<T> {
        let ready = made.and_then(|made| {
            let found = Command::new("tcpdump").arg("--version").output();
            found
                .map(|_| made)
                .map_err(|error| format!("tcpdump: {error}"))
        });
        ready.map_err(|reason| skip(&reason)).ok()
    }

    /// A capture with everything it has seen.
    struct Capture {
        runtime: Runtime,
        live: Live,
        seen: Vec<Seen>,
        without: NotSegments,
    }

    impl Capture {
        fn start(options: &Options) -> Result<Self, LiveError> {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let live = {
                let _inside = runtime.enter();
                Live::open(options)?
            };
            let seen = Vec::new();
            let without = NotSegments::default();
            Ok(Self {
                runtime,
                live,
                seen,
                without,
            })
        }

        fn of(netns: &Netns, devices: Devices) -> Self {
            let namespace = Namespace::named(&netns.name);
            Self::start(&Options {
                namespace,
                devices,
                ..Options::default()
            })
            .unwrap()
        }

        /// Waits until nothing has come for a while.
        fn read(&mut self) {
            let (live, seen, without) = (&mut self.live, &mut self.seen, &mut self.without);
            let mut take = |frame: Frame<'_>| match frame.segment() {
                Ok(segment) => seen.push(segment),
                Err(reason) => without.count(reason),
            };
            self.runtime.block_on(async {
                let pause = Duration::from_millis(300);
                while let Ok(filled) = tokio::time::timeout(pause, live.filled()).await {
                    filled.unwrap();
                    live.drain(&mut take).unwrap();
                }
                live.drain(&mut take).unwrap();
            });
        }

        fn towards(&self, direction: Direction) -> Vec<Seen> {
            let all = self.seen.iter().copied();
            all.filter(|seen| seen.direction == direction).collect()
        }

        fn index(&self, name: &str) -> u32 {
            let named = |index: &u32| self.live.device_name(*index).as_deref() == Some(name);
            (1..100).find(named).unwrap()
        }
    }

    fn ends(seen: &Seen) -> bool {
        let flags = seen.headers.flags;
        flags.has(SegmentFlags::FIN) || flags.has(SegmentFlags::RST)
    }

    /// What identifies segments, in an order of its own.
    fn identities(seen: &[Seen]) -> Vec<(SocketAddr, SocketAddr, u32, String)> {
        let identity = |seen: &Seen| {
            let Headers {
                source,
                destination,
                seq,
                ..
            } = seen.headers;
            (source, destination, seq, format!("{:?}", seen.headers))
        };
        let mut all: Vec<_> = seen.iter().map(identity).collect();
        all.sort();
        all
    }

    fn loopback() -> [SocketAddr; 2] {
        ["127.0.0.1:0", "[::1]:0"].map(|address| address.parse().unwrap())
    }

    #[test]
    fn every_end_of_a_loopback_connection_is_seen_both_leaving_and_arriving() {
        let Some(netns) = needs(Netns::new()) else {
            return;
        };
        let tcpdump = Tcpdump::start(&netns, "-i lo");
        let mut capture = Capture::of(&netns, Devices::All);
        for address in loopback() {
            play(&netns, &netns, address, ROUNDS);
        }
        play_with_options(&netns);
        capture.read();
        let count = 2 * ROUNDS * SEGMENTS + 2;
        let theirs = tcpdump.finish(count, ends);

        // tcpdump leaves out the copies that leave, on this device alone.
        assert_eq!(theirs.len(), count);
        for direction in [Direction::Transmitted, Direction::Received] {
            let ours = capture.towards(direction);
            assert_eq!(identities(&ours), identities(&theirs), "{direction:?}");
        }
        assert_eq!(capture.seen.len(), 2 * count);
        let lo = capture.index("lo");
        for seen in &capture.seen {
            assert_eq!(seen.device, Device::Index(lo));
            assert_eq!(seen.vlan, None);
        }
        // In order, and by the same clock as tcpdump.
        let leaving = capture.towards(Direction::Transmitted);
        assert!(leaving.is_sorted_by_key(|seen| seen.at.unwrap().ns));
        for seen in &theirs {
            let twin = leaving.iter().find(|ours| ours.headers == seen.headers);
            let ours = twin.unwrap().at.unwrap();
            assert_eq!(ours.clock, CaptureClock::Realtime);
            let apart = ours.ns.abs_diff(seen.at.unwrap().ns);
            assert!(apart < 1_000_000_000, "{apart} ns");
        }
        assert_eq!(capture.without, NotSegments::default());
        let told = capture.live.statistics().unwrap();
        assert_eq!((told.passed, told.dropped), (told.delivered, 0));
        assert_eq!(told.delivered, u64::try_from(2 * count).unwrap());
    }

    #[test]
    fn both_ends_of_a_veth_pair_agree_with_tcpdump_and_each_other() {
        let Some((here, there)) = needs(Netns::pair()) else {
            return;
        };
        let tcpdump = Tcpdump::start(&here, "-i any -y LINUX_SLL2");
        let mut near = Capture::of(&here, Devices::All);
        let mut far = Capture::of(&there, Devices::Named("ve".to_owned()));
        for address in ["10.98.0.2:0", "[fd98::2]:0"] {
            play(&here, &there, address.parse().unwrap(), ROUNDS);
        }
        near.read();
        far.read();
        let count = 2 * ROUNDS * SEGMENTS;
        let theirs = tcpdump.finish(count, ends);
        assert_eq!(theirs.len(), count);
        let device = Device::Index(near.index("ve"));
        for seen in near.seen.iter().chain(&theirs) {
            assert_eq!(seen.device, device);
        }
        for (direction, opposite) in [
            (Direction::Transmitted, Direction::Received),
            (Direction::Received, Direction::Transmitted),
        ] {
            let ours = identities(&near.towards(direction));
            let those: Vec<_> = theirs
                .iter()
                .copied()
                .filter(|seen| seen.direction == direction)
                .collect();
            assert_eq!(ours, identities(&those), "{direction:?}");
            assert_eq!(ours, identities(&far.towards(opposite)), "{direction:?}");
        }
        assert_eq!(near.seen.len(), count);
    }

    /// Ethernet frames with a reset in them, behind tags.
    fn tagged(source: &str, destination: &str, tags: &[u16]) -> Vec<u8> {
        let headers = Headers {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            seq: 7,
            ack: 0,
            flags: SegmentFlags(SegmentFlags::RST),
            payload_bytes: 0,
            window: 0,
            timestamps: None,
        };
        let mut frame = vec![0xff; 12];
        for tag in tags {
            frame.extend([0x81, 0]);
            frame.extend(tag.to_be_bytes());
        }
        let v4: &[u8] = if headers.source.is_ipv4() {
            &[8, 0]
        } else {
            &[0x86, 0xdd]
        };
        frame.extend(v4);
        frame.extend(build::packet(&headers).0);
        frame
    }

    #[test]
    fn tags_do_not_hide_a_segment_whichever_way_it_goes() {
        let Some((here, there)) = needs(Netns::pair()) else {
            return;
        };
        let mut near = Capture::of(&here, Devices::All);
        let mut far = Capture::of(&there, Devices::All);
        let device = near.index("ve");
        let stacks: [&[u16]; 3] = [&[], &[7], &[0xe007, 8]];
        for tags in stacks {
            for (source, destination) in
                [("10.0.0.1:1", "10.0.0.2:2"), ("[fd00::1]:1", "[fd00::2]:2")]
            {
                inject(&here, device, &tagged(source, destination, tags));
            }
        }
        near.read();
        far.read();
        let expected = [None, None, Some(7), Some(7), Some(7), Some(7)];
        for (capture, direction) in [(&near, Direction::Transmitted), (&far, Direction::Received)] {
            let vlans: Vec<_> = capture.seen.iter().map(|seen| seen.vlan).collect();
            assert_eq!(capture.towards(direction).len(), 6, "{:?}", capture.seen);
            assert_eq!(vlans, expected, "{direction:?}");
            assert_eq!(capture.without, NotSegments::default());
        }
    }

    #[test]
    fn later_fragments_are_counted() {
        let Some((here, there)) = needs(Netns::pair()) else {
            return;
        };
        let mut capture = Capture::of(&there, Devices::All);
        let mut frame = tagged("10.0.0.1:1", "10.0.0.2:2", &[]);
        // Offset of the fragment, eight bytes.
        frame[14 + 7] = 1;
        inject(&here, capture.index("ve"), &frame);
        capture.read();
        assert_eq!(capture.seen, []);
        let expected = NotSegments {
            fragments: 1,
            ..NotSegments::default()
        };
        assert_eq!(capture.without, expected);
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let Some(netns) = needs(Netns::new()) else {
            return;
        };
        let namespace = Namespace::named(&netns.name);
        let options = Options {
            namespace,
            blocks: 2,
            ..Options::default()
        };
        let mut capture = Capture::start(&options).unwrap();
        netns.inside(|| {
            for _ in 0..2_000 {
                std::net::TcpStream::connect("127.0.0.1:9").unwrap_err();
            }
        });
        capture.read();
        let told = capture.live.statistics().unwrap();
        assert_eq!(told.passed, 4_000);
        assert!(told.dropped > 0, "{told:?}");
        assert_eq!(told.passed, told.delivered + told.dropped);
        assert_eq!(capture.seen.len(), usize::try_from(told.delivered).unwrap());
        // The memory comes back: what follows is seen.
        let before = capture.seen.len();
        play(&netns, &netns, loopback()[0], 1);
        capture.read();
        assert_eq!(capture.seen.len() - before, 2 * SEGMENTS);
    }

    #[test]
    fn a_drain_says_whether_frames_are_left() {
        let Some(netns) = needs(Netns::new()) else {
            return;
        };
        let mut capture = Capture::of(&netns, Devices::All);
        let mut taken = 0;
        assert!(capture.live.drain(&mut |_| taken += 1).unwrap());
        // Each time the kernel may have passed the block on already; not every time.
        let mut left = 0;
        for sent in 1..=20 {
            netns.inside(|| drop(std::net::TcpStream::connect("127.0.0.1:9").unwrap_err()));
            while !capture.live.drain(&mut |_| taken += 1).unwrap() {
                left += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            // The reset leaves and comes in.
            assert_eq!(taken, 2 * sent);
        }
        assert!(
            left > 20,
            "frames rest for some milliseconds, and {left} drains saw some"
        );
    }

    #[test]
    fn handshakes_are_captured_when_asked_for() {
        let Some(netns) = needs(Netns::new()) else {
            return;
        };
        let namespace = Namespace::named(&netns.name);
        let options = Options {
            namespace,
            syn: true,
            ..Options::default()
        };
        let mut capture = Capture::start(&options).unwrap();
        play(&netns, &netns, loopback()[1], 1);
        capture.read();
        let syn = |seen: &&Seen| seen.headers.flags.has(SegmentFlags::SYN);
        let leaving = capture.towards(Direction::Transmitted);
        // Three handshakes of two, and the one that is refused.
        assert_eq!(leaving.iter().filter(syn).count(), 7);
        assert_eq!(leaving.len(), 7 + SEGMENTS);
    }

    #[test]
    fn what_cannot_be_captured_is_refused_by_name() {
        let Some(netns) = needs(Netns::new()) else {
            return;
        };
        let refused = |namespace: Namespace, devices| {
            let options = Options {
                namespace,
                devices,
                ..Options::default()
            };
            Capture::start(&options).err().unwrap().to_string()
        };
        let own = Namespace::named(&netns.name);
        let named = Devices::Named("nothing0".to_owned());
        assert_eq!(refused(own.clone(), named), "cannot capture on nothing0");
        assert_eq!(
            refused(own, Devices::Index(4_000)),
            "cannot capture on the device of index 4000"
        );
        assert_eq!(
            refused(Namespace::named("no-such"), Devices::All),
            "cannot enter the network namespace /run/netns/no-such"
        );
    }

    #[test]
    fn a_device_that_goes_down_is_told() {
        let Some((here, _there)) = needs(Netns::pair()) else {
            return;
        };
        let capture = Capture::of(&here, Devices::Named("ve".to_owned()));
        here.ip("link set ve down").unwrap();
        let told = capture.runtime.block_on(async {
            let limit = Duration::from_secs(5);
            tokio::time::timeout(limit, capture.live.filled())
                .await
                .unwrap()
        });
        assert_eq!(told.unwrap_err().raw_os_error(), Some(libc::ENETDOWN));
    }

    #[test]
    fn the_callers_thread_stays_where_it_is() {
        let Some(netns) = needs(Netns::new()) else {
            return;
        };
        let own = || std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        let before = own();
        let _capture = Capture::of(&netns, Devices::All);
        assert_eq!(own(), before);
        assert_ne!(netns.inside(own), before);
    }
}
