//! Looking at real sockets of this process and its children, by the ways `finrst` looks.
//!
//! Needs no privileges but for other namespaces: what a user's own processes hold, they see.

#[cfg(test)]
mod tests {
    use std::{
        collections::{HashMap, HashSet},
        fs,
        io::{Read, Write},
        net::{Shutdown, SocketAddr, TcpListener, TcpStream},
        os::fd::AsRawFd,
        path::Path,
        process::{Command, Stdio, id},
        sync::{Mutex, MutexGuard, PoisonError},
        thread,
        time::Duration,
    };

    use nix::{
        fcntl::{FcntlArg, FdFlag, fcntl},
        sched::{CloneFlags, unshare},
        sys::resource::{Resource, getrlimit, setrlimit},
    };
    use tracer::{
        enrich::{
            clock, holders, netns,
            scan::{Scan, scan},
        },
        model::{
            holder::{Provenance, only_process},
            known::{KnownSocket, Origin},
            process::Confidence,
            state::TcpState,
            time::MonoNs,
        },
    };

    /// A child between fork and exec holds all that its parent holds: one test at a time.
    static ALONE: Mutex<()> = Mutex::new(());

    fn alone() -> MutexGuard<'static, ()> {
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look() -> Scan {
        scan(Path::new("/proc"))
    }

    fn by_ends(scan: &Scan) -> HashMap<(SocketAddr, SocketAddr), &KnownSocket> {
        let ours = netns::inode("/proc/self/ns/net").unwrap();
        let listed = scan.sockets.iter();
        listed
            .filter(|socket| socket.flow.netns == Some(ours))
            .map(|socket| ((socket.flow.local, socket.flow.remote), socket))
            .collect()
    }

    fn ends(stream: &TcpStream) -> (SocketAddr, SocketAddr) {
        (stream.local_addr().unwrap(), stream.peer_addr().unwrap())
    }

    fn pair(listener: &TcpListener) -> [TcpStream; 2] {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        [client, listener.accept().unwrap().0]
    }

    fn descriptors(socket: &KnownSocket) -> Vec<(u32, i32)> {
        let held = socket.holders.iter();
        let mut held: Vec<_> = held
            .map(|holder| (holder.pid, i32::try_from(holder.fd.unwrap()).unwrap()))
            .collect();
        held.sort_unstable();
        held
    }

    /// Nanoseconds since boot, in steps of 10 ms as starts of processes are.
    fn uptime_ns() -> u64 {
        let text = fs::read_to_string("/proc/uptime").unwrap();
        let (seconds, rest) = text.split_once('.').unwrap();
        let hundredths = &rest[..2];
        let [seconds, hundredths] = [seconds, hundredths].map(|it| it.parse::<u64>().unwrap());
        (seconds * 100 + hundredths) * 10_000_000
    }

    /// How many descriptors this process may have, raised as far as it may be.
    fn room() -> usize {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
        usize::try_from(hard).unwrap_or(usize::MAX)
    }

    #[test]
    fn each_of_ten_thousand_sockets_is_found_with_its_descriptor() {
        let _alone = alone();
        let connections = (room().saturating_sub(100) / 2).min(5_000);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let streams: Vec<_> = (0..connections).flat_map(|_| pair(&listener)).collect();
        let before = clock::now();
        let scan = look();
        let took_ns = clock::now().since(before);
        println!(
            "{} sockets of ours among {} looked at in {} ms",
            streams.len(),
            scan.sockets.len(),
            took_ns / 1_000_000
        );
        let found = by_ends(&scan);
        for stream in &streams {
            let socket = found[&ends(stream)];
            assert_eq!(descriptors(socket), [(id(), stream.as_raw_fd())]);
            assert_eq!(socket.state, TcpState::Established);
            assert_eq!(socket.confidence(), Some(Confidence::Likely));
            assert_eq!(socket.cookie.is_some(), socket.origin == Origin::SockDiag);
        }
    }

    #[test]
    fn a_duplicate_is_a_second_descriptor_of_one_holder() {
        let _alone = alone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let [client, _server] = pair(&listener);
        let copy = client.try_clone().unwrap();
        let scan = look();
        let socket = by_ends(&scan)[&ends(&client)];
        let mut expected = [(id(), client.as_raw_fd()), (id(), copy.as_raw_fd())];
        expected.sort_unstable();
        assert_eq!(descriptors(socket), expected);
        assert_eq!(only_process(&socket.holders).unwrap().pid, id());
    }

    #[test]
    fn a_child_that_inherited_a_socket_holds_it_too() {
        let _alone = alone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let [client, _server] = pair(&listener);
        fcntl(&client, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
        let before = uptime_ns();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let after = uptime_ns();
        let scan = look();
        let socket = by_ends(&scan)[&ends(&client)];
        let fd = client.as_raw_fd();
        let mut expected = [(id(), fd), (child.id(), fd)];
        expected.sort_unstable();
        assert_eq!(descriptors(socket), expected);
        assert_eq!(socket.confidence(), Some(Confidence::Unknown));
        let mut holders = socket.holders.iter();
        let cat = holders.find(|it| it.pid == child.id()).unwrap();
        assert_eq!(cat.comm.bytes(), b"cat");
        let started = cat.start_ns.unwrap();
        assert!(
            (before..=after).contains(&started),
            "{before} {started} {after}"
        );
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn asked_for_inodes_only_their_holders_come() {
        let _alone = alone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let [client, server] = pair(&listener);
        let inode = |stream: &TcpStream| {
            let link = fs::read_link(format!("/proc/self/fd/{}", stream.as_raw_fd())).unwrap();
            let link = link.to_str().unwrap();
            link["socket:[".len()..link.len() - 1]
                .parse::<u64>()
                .unwrap()
        };
        let wanted = inode(&client);
        let found = holders::of_inodes(
            Path::new("/proc"),
            &HashSet::from([wanted]),
            MonoNs(u64::MAX),
        )
        .unwrap();
        assert_eq!(found.len(), 1);
        assert!(!found.contains_key(&inode(&server)));
        let [holder] = found[&wanted].as_slice() else {
            panic!("another holder");
        };
        assert_eq!(holder.pid, id());
        assert_eq!(holder.from, Provenance::Procfs);
    }

    #[test]
    fn queues_and_listeners_are_told_as_they_are() {
        let _alone = alone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let [mut client, server] = pair(&listener);
        client.write_all(b"unread").unwrap();
        let scan = look();
        let found = by_ends(&scan);
        assert_eq!(found[&ends(&server)].receive_queue, 6);
        let nowhere = "0.0.0.0:0".parse().unwrap();
        let listening = found[&(listener.local_addr().unwrap(), nowhere)];
        assert_eq!(listening.state, TcpState::Listen);
        assert_eq!(listening.in_state_ns, None);
        assert_eq!(descriptors(listening), [(id(), listener.as_raw_fd())]);
    }

    #[test]
    fn a_mapped_address_is_told_as_ipv4_and_a_connection_not_accepted_has_no_holder() {
        let _alone = alone();
        let Ok(listener) = TcpListener::bind("[::]:0") else {
            println!("SKIP no IPv6 here");
            return;
        };
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (ours, theirs) = ends(&client);
        let scan = look();
        let waiting = by_ends(&scan)[&(theirs, ours)];
        assert_eq!((waiting.inode, waiting.uid), (None, None));
        assert_eq!(waiting.confidence(), None);
        let six = TcpStream::connect(("::1", port)).unwrap();
        let scan = look();
        let found = by_ends(&scan);
        assert_eq!(descriptors(found[&ends(&six)]), [(id(), six.as_raw_fd())]);
    }

    /// From now on a connection stays a request until the client sends data.
    #[expect(unsafe_code, reason = "the option has no safe form")]
    fn defer_accept(listener: &TcpListener) {
        let seconds: libc::c_int = 30;
        let length = u32::try_from(size_of_val(&seconds)).unwrap();
        // SAFETY: the value is ours, as long as is said, and outlives the call.
        let result = unsafe {
            libc::setsockopt(
                listener.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_DEFER_ACCEPT,
                (&raw const seconds).cast(),
                length,
            )
        };
        assert_eq!(result, 0);
    }

    #[test]
    fn a_handshake_that_is_not_over_is_shown_without_owner_and_user() {
        let _alone = alone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        defer_accept(&listener);
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, theirs) = ends(&client);
        let scan = look();
        let request = by_ends(&scan)[&(theirs, ours)];
        assert_eq!(request.state, TcpState::SynRecv);
        assert_eq!((request.inode, request.uid), (None, None));
        assert_eq!(request.in_state_ns, None);
        assert_eq!(request.confidence(), None);
    }

    /// What is claimed of ages, against our own clock: never more than passed, and not nothing.
    #[test]
    fn no_age_is_longer_than_the_state_has_lasted() {
        let _alone = alone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let before = clock::now();
        let [idle, _other] = pair(&listener);
        let [closing, mut leaking] = pair(&listener);
        let [mut waiting, closed] = pair(&listener);
        let (ours, theirs) = ends(&waiting);
        // Data first, so that what moved before the state did would be taken for its beginning.
        thread::sleep(Duration::from_millis(300));
        leaking.write_all(b"x").unwrap();
        (&closing).read_exact(&mut [0]).unwrap();
        thread::sleep(Duration::from_millis(300));
        let half_closed = clock::now();
        closing.shutdown(Shutdown::Write).unwrap();
        assert_eq!(leaking.read(&mut [0]).unwrap(), 0);
        waiting.shutdown(Shutdown::Write).unwrap();
        drop(closed);
        assert_eq!(waiting.read(&mut [0]).unwrap(), 0);
        drop(waiting);
        thread::sleep(Duration::from_millis(1_200));
        let scan = look();
        let after = clock::now();
        let found = by_ends(&scan);
        for (ends, state, since) in [
            (ends(&idle), TcpState::Established, before),
            (ends(&closing), TcpState::FinWait2, half_closed),
            (ends(&leaking), TcpState::CloseWait, half_closed),
            ((ours, theirs), TcpState::TimeWait, half_closed),
        ] {
            let socket = found[&ends];
            assert_eq!(socket.state, state);
            if socket.origin == Origin::Procfs && state != TcpState::TimeWait {
                println!("SKIP no tcp_info here");
                continue;
            }
            let age = socket.in_state_ns.unwrap();
            assert!(age <= after.since(since), "{state:?} {age}");
            assert!(age >= 100_000_000, "{state:?} {age}");
        }
    }

    #[test]
    fn sockets_of_another_namespace_are_found_with_their_holders() {
        let _alone = alone();
        let elsewhere = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).ok()?;
            let listener = TcpListener::bind("0.0.0.0:0").unwrap();
            fcntl(&listener, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
            let child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
            Some((listener, child))
        });
        let Some((listener, mut child)) = elsewhere.join().unwrap() else {
            println!("SKIP no network namespace can be made here");
            return;
        };
        let netns = netns::inode(&format!("/proc/{}/ns/net", child.id())).unwrap();
        let scan = look();
        let fd = listener.as_raw_fd();
        let there: Vec<_> = scan
            .sockets
            .iter()
            .filter(|socket| socket.flow.netns == Some(netns))
            .collect();
        let [socket] = there.as_slice() else {
            panic!("{there:?}");
        };
        assert_eq!(socket.flow.local, listener.local_addr().unwrap());
        assert_eq!(socket.origin, Origin::SockDiag);
        let mut expected = [(id(), fd), (child.id(), fd)];
        expected.sort_unstable();
        assert_eq!(descriptors(socket), expected);
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
