//! What tcpdump, tshark and capinfos make of the pcapng we write.
//!
//! With `FINRST_NO_SKIP=1` a comparison that cannot be made fails.

#[cfg(test)]
mod tests {
    use std::{
        env,
        io::Write as _,
        net::{Ipv4Addr, SocketAddr},
        process::{Command, Stdio},
    };

    use tracer::{
        model::{
            observation::SegmentFlags,
            segment::{Direction, Headers, Timestamps},
        },
        packet::{
            build,
            pcapng::{Interface, Packet, PcapngWriter, Section, Statistics},
        },
    };

    /// A moment with nanoseconds of its own.
    const START_NS: i64 = 1_700_000_000_123_456_789;

    fn skip(reason: &str) {
        eprintln!("SKIP {reason}");
        let strict = env::var_os("FINRST_NO_SKIP").is_some_and(|value| value == "1");
        assert!(!strict, "skipped: {reason}");
    }

    /// Runs a tool on a file; `None` when there is no such tool, which was said.
    fn ask(program: &str, words: &[&str], file: &[u8]) -> Option<String> {
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::piped());
        let spawned = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                skip(&format!("{program}: {error}"));
                return None;
            }
        };
        child.stdin.take().unwrap().write_all(file).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program}: {said}");
        for word in ["malformed", "damaged", "corrupt", "cut short", "invalid"] {
            assert!(!said.to_lowercase().contains(word), "{program}: {said}");
        }
        Some(String::from_utf8(output.stdout).unwrap())
    }

    fn headers(source: &str, destination: &str, flags: u8) -> Headers {
        let [source, destination]: [SocketAddr; 2] =
            [source, destination].map(|end| end.parse().unwrap());
        Headers {
            source,
            destination,
            seq: 4_000_000_000,
            ack: 77,
            flags: SegmentFlags(flags),
            payload_bytes: 100,
            window: 501,
            timestamps: Some(Timestamps {
                value: 12,
                echo: 34,
            }),
        }
    }

    const FIN: u8 = SegmentFlags::FIN | SegmentFlags::ACK;
    const RST: u8 = SegmentFlags::RST;
    const OUT: Direction = Direction::Transmitted;
    const IN: Direction = Direction::Received;

    /// Device, direction, source, destination, flags, cause.
    const PACKETS: [(&str, Direction, &str, &str, u8, &str); 3] = [
        (
            "lo",
            OUT,
            "127.0.0.1:80",
            "127.0.0.2:40000",
            FIN,
            "app_close",
        ),
        (
            "lo",
            IN,
            "127.0.0.1:80",
            "127.0.0.2:40000",
            FIN,
            "app_close",
        ),
        (
            "eth0",
            OUT,
            "[fd00::1]:443",
            "[fd00::2]:50000",
            RST,
            "linger_zero",
        ),
    ];

    /// Three packets on two devices, each with two comments.
    fn sample() -> Vec<u8> {
        let section = Section {
            comment: Some("finrst says: ünïcode"),
            hardware: Some("x86_64"),
            system: Some("Linux 6.1"),
            application: Some("finrst 0.1"),
        };
        let mut writer = PcapngWriter::new(Vec::new(), &section).unwrap();
        for (at, (device, direction, source, destination, flags, cause)) in (0..).zip(PACKETS) {
            let filter = Some("tcp[tcpflags] & (tcp-fin|tcp-rst) != 0");
            let interface = Interface {
                device,
                direction,
                filter,
            };
            let interface = writer.interface(&interface).unwrap();
            let (bytes, original_bytes) = build::packet(&headers(source, destination, flags));
            let packet = Packet {
                interface,
                at_ns: START_NS + at,
                direction,
                vlan: (device == "eth0").then_some(7),
                bytes: &bytes,
                original_bytes,
                process: Some((1234, 1235)),
                comments: &["PID: 1234\nCmd: /usr/sbin/nginx", &format!("cause={cause}")],
            };
            writer.packet(&packet).unwrap();
            let statistics = Statistics {
                comment: Some("all of it"),
                start_ns: Some(START_NS),
                end_ns: Some(START_NS + 9),
                accepted: Some(12),
                dropped: Some(5),
                delivered: Some(7),
            };
            writer
                .statistics(interface, START_NS + 9, &statistics)
                .unwrap();
        }
        let name = (Ipv4Addr::new(127, 0, 0, 2).into(), "client.example");
        writer.names(&[name]).unwrap();
        writer.into_inner()
    }

    #[test]
    fn tcpdump_reads_every_packet() {
        let words = ["-n", "-tt", "--nano", "-Z", "root", "-r", "-"];
        let Some(said) = ask("tcpdump", &words, &sample()) else {
            return;
        };
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines.len(), 3, "{said}");
        assert!(
            lines[0].starts_with("1700000000.123456789 IP 127.0.0.1.80 > 127.0.0.2.40000: Flags [F.], seq 4000000000:4000000100, ack 77, win 501"),
            "{said}"
        );
        assert!(
            lines[2].contains("IP6 fd00::1.443 > fd00::2.50000: Flags [R]"),
            "{said}"
        );
    }

    fn tshark(words: &[&str]) -> Option<Vec<String>> {
        let said = ask("tshark", &[&["-r", "-"], words].concat(), &sample())?;
        Some(said.lines().map(str::to_owned).collect())
    }

    #[test]
    fn tshark_filters_by_comment() {
        for (filter, expected) in [
            (
                "frame.comment contains \"cause=app_close\"",
                &["1", "2"][..],
            ),
            ("frame.comment contains \"linger_zero\"", &["3"]),
            ("frame.comment contains \"PID: 1234\"", &["1", "2", "3"]),
            ("frame.comment contains \"absent\"", &[]),
            ("_ws.malformed || _ws.expert.severity == error", &[]),
        ] {
            let words = ["-Y", filter, "-T", "fields", "-e", "frame.number"];
            let Some(found) = tshark(&words) else { return };
            assert_eq!(found, expected, "{filter}");
        }
    }

    #[test]
    fn tshark_knows_time_device_direction_and_headers() {
        let mut words = vec!["-T", "fields", "-E", "separator=;"];
        for field in [
            "frame.time_epoch",
            "frame.interface_name",
            "frame.interface_description",
            "frame.packet_flags_direction",
            "sll.pkttype",
            "vlan.id",
            "tcp.flags.str",
            "tcp.seq_raw",
            "tcp.len",
            "tcp.options.timestamp.tsval",
            "frame.len",
        ] {
            words.extend(["-e", field]);
        }
        let Some(found) = tshark(&words) else { return };
        // Directions as numbers in the notation of the tool's version: 0x00000002 or 0x0002.
        let plain: Vec<_> = found
            .iter()
            .map(|line| line.replace("0x0000000", "0x000"))
            .collect();
        assert_eq!(
            plain,
            [
                "1700000000.123456789;lo;transmitted;0x0002;4;;·······A···F;4000000000;100;12;168",
                "1700000000.123456790;lo;received;0x0001;0;;·······A···F;4000000000;100;12;168",
                "1700000000.123456791;eth0;transmitted;0x0002;4;7;·········R··;4000000000;100;12;192",
            ]
        );
    }

    #[test]
    fn names_and_statistics_are_found() {
        let Some(hosts) = tshark(&["-q", "-z", "hosts"]) else {
            return;
        };
        let named = |line: &String| line.contains("127.0.0.2") && line.contains("client.example");
        assert!(hosts.iter().any(named), "{hosts:?}");
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sample.pcapng");
        std::fs::write(&file, sample()).unwrap();
        let Some(said) = ask("capinfos", &[file.to_str().unwrap()], &[]) else {
            return;
        };
        for expected in [
            "finrst says: ünïcode",
            "Linux 6.1",
            "finrst 0.1",
            "Number of interfaces in file: 3",
            "Name = eth0",
            "Number of stat entries = 1",
            "Time precision = nanoseconds (9)",
            "tcp[tcpflags] & (tcp-fin|tcp-rst) != 0",
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
    }
}
