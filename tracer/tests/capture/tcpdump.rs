//! tcpdump beside us: the other opinion.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tracer::{model::segment::Seen, packet::file::CaptureFile};

use crate::netns::Netns;

/// A running tcpdump that writes a file.
pub(crate) struct Tcpdump {
    child: Child,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

impl Tcpdump {
    /// Starts it in a namespace; returns when it captures.
    pub(crate) fn start(netns: &Netns, words: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tcpdump.pcap");
        let mut child = netns
            .command("tcpdump")
            // Without the limit its frames are so large that a few of them fill its buffer.
            .args("-n -U --immediate-mode -Z root --nano -s 256 -B 8192".split_whitespace())
            .args(words.split_whitespace())
            .arg("-w")
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        while !said.contains("listening on") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "tcpdump: {said}");
        }
        // Kept open, so that its last words have somewhere to go.
        thread::spawn(move || lines.lines().count());
        Self {
            child,
            file,
            _directory: directory,
        }
    }

    /// What it has written of `wanted` by the time there are `count` of them, or after a while.
    pub(crate) fn finish(mut self, count: usize, wanted: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        let mut found = Vec::new();
        for _ in 0..100 {
            found = self.read();
            found.retain(&wanted);
            if found.len() >= count {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(pid, Signal::SIGINT).unwrap();
        self.child.wait().unwrap();
        let mut last = self.read();
        last.retain(&wanted);
        if last.len() > found.len() {
            last
        } else {
            found
        }
    }

    fn read(&self) -> Vec<Seen> {
        let bytes = std::fs::read(&self.file).unwrap();
        let Ok(mut file) = CaptureFile::open(&bytes[..]) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        while let Some(frame) = file.next_frame().unwrap() {
            found.extend(frame.segment());
        }
        found
    }
}

impl Drop for Tcpdump {
    /// A test that fails leaves none behind.
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}
