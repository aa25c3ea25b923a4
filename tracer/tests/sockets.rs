//! `finrst sockets` as it is run: what it prints, and how it ends.

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        net::{TcpListener, TcpStream},
        os::unix::fs::symlink,
        process::{Child, Command, Output, Stdio, id},
        sync::{Mutex, MutexGuard, PoisonError},
    };

    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    use serde_json::Value;

    /// A child between fork and exec holds all that its parent holds: one test at a time.
    static ALONE: Mutex<()> = Mutex::new(());

    fn alone() -> MutexGuard<'static, ()> {
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finrst(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_finrst"));
        command.arg("sockets").args(arguments);
        command
    }

    fn run(arguments: &[&str]) -> Output {
        finrst(arguments).output().unwrap()
    }

    fn text(bytes: &[u8]) -> &str {
        str::from_utf8(bytes).unwrap()
    }

    fn listener() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        (listener, port)
    }

    /// A program under another name, that holds what this process lets it inherit.
    fn named(name: &str) -> Child {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join(name);
        symlink("/bin/cat", &program).unwrap();
        Command::new(program).stdin(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn a_listener_is_one_line_under_a_header_and_alone_when_quiet() {
        let _alone = alone();
        let (_listener, port) = listener();
        let filters = ["--local-port", &port, "--state", "listen"];
        let out = run(&filters);
        let lines: Vec<&str> = text(&out.stdout).lines().collect();
        let [header, line] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        assert!(header.starts_with("STATE"), "{header}");
        let ends = format!(" 127.0.0.1:{port} → - ");
        assert!(line.starts_with("LISTEN") && line.contains(&ends), "{line}");
        assert!(line.contains(&format!("[{}]:", id())), "{line}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
        assert!(out.status.success());
        let quiet = run(&[&filters[..], &["-q"]].concat());
        assert_eq!(text(&quiet.stdout).lines().collect::<Vec<_>>(), [*line]);
        assert_eq!(text(&quiet.stderr), "");
    }

    #[test]
    fn programs_get_one_line_a_socket() {
        let _alone = alone();
        let (listener, port) = listener();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _server = listener.accept().unwrap();
        let pid = id().to_string();
        let out = run(&["-o", "json", "-p", &pid, "--remote-port", &port]);
        let line: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(
            (&line["schema"], &line["type"]),
            (&1.into(), &"socket".into())
        );
        assert_eq!(line["state"], "ESTABLISHED");
        let ours = client.local_addr().unwrap().port();
        assert_eq!(line["connection"]["local"]["port"], ours);
        assert_eq!(line["holders"][0]["pid"], id());
        assert_eq!(line["confidence"], "likely");
    }

    #[test]
    fn a_name_made_to_move_the_cursor_is_escaped() {
        let _alone = alone();
        let (listener, port) = listener();
        fcntl(&listener, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
        let mut child = named("\u{1b}[2Ja\nb");
        let pid = child.id().to_string();
        let filters = ["-q", "-p", &pid, "--local-port", &port];
        let line = run(&filters).stdout;
        let escaped = format!("\\u{{1b}}[2Ja\\nb[{pid}]:");
        assert!(text(&line).contains(&escaped), "{:?}", text(&line));
        let json = run(&[&filters[..], &["-o", "json"]].concat()).stdout;
        let line: Value = serde_json::from_slice(&json).unwrap();
        let mut holders = line["holders"].as_array().unwrap().iter();
        assert!(holders.any(|it| it["comm"] == "\\u{1b}[2Ja\\nb"));
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_reader_that_leaves_is_no_failure() {
        let _alone = alone();
        let (_listener, port) = listener();
        for format in ["text", "json"] {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let mut child = finrst(&["-o", format, "--local-port", &port])
                .stdout(writer)
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            assert!(child.wait().unwrap().success(), "{format}");
            let mut said = String::new();
            child.stderr.unwrap().read_to_string(&mut said).unwrap();
            assert!(!said.contains("pipe"), "{said}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_said_and_ends_with_2() {
        for wrong in [
            ["-p", "4294967295"],
            ["-u", "no-such-user"],
            ["--netns", "no-such-namespace"],
            ["--state", "open"],
            ["--net", "10.0.0.0/33"],
            ["-4", "-6"],
        ] {
            let out = run(&wrong);
            assert_eq!(out.status.code(), Some(2), "{wrong:?}");
            assert!(out.stdout.is_empty() && !out.stderr.is_empty());
        }
    }

    /// A user who owns nothing sees the sockets, not who holds them, and is told so.
    #[test]
    fn without_privileges_what_cannot_be_seen_is_said() {
        let _alone = alone();
        let (_listener, port) = listener();
        let nobody = |command: &[&str]| {
            Command::new("setpriv")
                .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
                .args(["--bounding-set=-all", "--"])
                .args(command)
                .output()
        };
        let program = env!("CARGO_BIN_EXE_finrst");
        if !nobody(&["test", "-x", program]).is_ok_and(|out| out.status.success()) {
            println!("SKIP cannot run {program} as nobody");
            return;
        }
        let out = nobody(&[program, "sockets", "--local-port", &port]).unwrap();
        assert!(out.status.success(), "{}", text(&out.stderr));
        let line = text(&out.stdout).lines().nth(1).unwrap();
        assert!(line.starts_with("LISTEN"), "{line}");
        assert!(line.ends_with("unknown unknown"), "{line}");
        let said = text(&out.stderr);
        assert!(said.contains("not show which sockets they hold"), "{said}");
    }
}
