//! Processes out of made-up trees, and ourselves out of the real one.

use std::{fs, os::unix::fs::symlink};

use tempfile::TempDir;

use super::*;

const SECOND: u64 = 1_000_000_000;

/// A `/proc` with whatever processes a test wants.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn processes(&self) -> Processes {
        Processes::bounded(self.0.path().to_owned(), 100, MEMORY)
    }

    fn start(&self, pid: u32, exe: &str, ticks: u64) {
        self.exit(pid);
        let directory = self.0.path().join(pid.to_string());
        fs::create_dir(&directory).unwrap();
        symlink(exe, directory.join("exe")).unwrap();
        let hash = "cd".repeat(32);
        for (name, text) in [
            ("cmdline", format!("{exe}\0-v\0")),
            ("cgroup", format!("0::/system.slice/docker-{hash}.scope\n")),
            ("status", format!("Name:\tx\nNSpid:\t{pid}\t1\n")),
            (
                "stat",
                format!("{pid} (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {ticks} 0\n"),
            ),
        ] {
            fs::write(directory.join(name), text).unwrap();
        }
    }

    fn exit(&self, pid: u32) {
        let _ = fs::remove_dir_all(self.0.path().join(pid.to_string()));
    }
}

fn task(pid: u32, start_ns: u64, comm: [u8; 4]) -> Task {
    let mut name = [0; 16];
    name[..4].copy_from_slice(&comm);
    Task {
        pid,
        tid: pid,
        comm: Comm(name),
        process_comm: Comm(name),
        start_ns: Some(start_ns),
        uid: 0,
        goroutine: None,
        exit: None,
        executing: false,
    }
}

fn exe(processes: &Processes, task: &Task) -> Option<String> {
    processes.of(task)?.exe.as_ref().map(ToString::to_string)
}

#[test]
fn a_process_keeps_its_facts_when_it_is_gone() {
    let tree = Tree::new();
    let mut processes = tree.processes();
    let web = task(7, 3 * SECOND, *b"web\0");
    assert_eq!(processes.of(&web), None);
    tree.start(7, "/bin/web", 300);
    processes.seen(&web);
    tree.exit(7);
    processes.seen(&web);
    let facts = processes.of(&web).unwrap();
    assert_eq!(exe(&processes, &web).unwrap(), "/bin/web");
    let shown: Vec<_> = facts
        .cmdline
        .iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    assert_eq!(shown, ["/bin/web", "-v"]);
    assert_eq!(facts.namespace_pid(), Some(1));
    assert_eq!(
        facts.container.as_ref().unwrap().id.to_string(),
        "cd".repeat(32)
    );
    assert_eq!(processes.counters().read, 1);
}

#[test]
fn a_reused_pid_lends_its_facts_to_nobody() {
    let tree = Tree::new();
    let mut processes = tree.processes();
    let (old, new) = (
        task(7, 3 * SECOND, *b"old\0"),
        task(7, 9 * SECOND, *b"new\0"),
    );
    tree.start(7, "/bin/new", 900);
    processes.seen(&old);
    processes.seen(&new);
    assert_eq!(processes.of(&old), None);
    assert_eq!(exe(&processes, &new).unwrap(), "/bin/new");
    assert_eq!(
        (processes.counters().read, processes.counters().gone),
        (2, 1)
    );
    // Gone stays gone, and costs nothing more.
    processes.seen(&old);
    assert_eq!(processes.counters().read, 2);
}

#[test]
fn starts_are_compared_within_a_tick() {
    let tree = Tree::new();
    tree.start(7, "/bin/web", 300);
    for (start_ns, same) in [
        (3 * SECOND, true),
        (3 * SECOND + 9_999_999, true),
        (3 * SECOND + 19_999_999, true),
        (3 * SECOND + 20_000_000, false),
        (3 * SECOND - 10_000_001, false),
    ] {
        let mut processes = tree.processes();
        let task = task(7, start_ns, *b"web\0");
        processes.seen(&task);
        assert_eq!(processes.of(&task).is_some(), same, "{start_ns}");
    }
}

#[test]
fn a_process_whose_start_is_unknown_stays_unknown() {
    let tree = Tree::new();
    tree.start(7, "/bin/web", 300);
    let mut processes = tree.processes();
    let task = Task {
        start_ns: None,
        ..task(7, 0, *b"web\0")
    };
    processes.seen(&task);
    assert_eq!((processes.of(&task), processes.counters().read), (None, 0));
}

#[test]
fn an_exiting_process_still_has_its_control_group() {
    let tree = Tree::new();
    tree.start(7, "/bin/web", 300);
    let directory = tree.0.path().join("7");
    fs::remove_file(directory.join("exe")).unwrap();
    fs::write(directory.join("cmdline"), "").unwrap();
    let mut processes = tree.processes();
    let web = task(7, 3 * SECOND, *b"web\0");
    processes.seen(&web);
    let facts = processes.of(&web).unwrap();
    assert_eq!((&facts.exe, &facts.cmdline), (&None, &None));
    assert!(facts.container.is_some());
}

#[test]
fn another_name_means_another_program() {
    let tree = Tree::new();
    let mut processes = tree.processes();
    tree.start(7, "/bin/sh", 300);
    processes.seen(&task(7, 3 * SECOND, *b"sh\0\0"));
    tree.start(7, "/bin/web", 300);
    let web = task(7, 3 * SECOND, *b"web\0");
    processes.seen(&web);
    assert_eq!(exe(&processes, &web).unwrap(), "/bin/web");
    // The same name under another program shows when the event itself is seen.
    tree.start(7, "/opt/web", 300);
    processes.seen(&web);
    assert_eq!(exe(&processes, &web).unwrap(), "/bin/web");
    processes.execed(&web);
    assert_eq!(exe(&processes, &web).unwrap(), "/opt/web");
    // Too late to know which program, not where it ran.
    tree.exit(7);
    processes.execed(&web);
    assert_eq!(exe(&processes, &web), None);
    assert!(processes.of(&web).unwrap().container.is_some());
}

#[test]
fn a_storm_is_read_as_far_as_there_is_time() {
    let tree = Tree::new();
    let mut processes = tree.processes();
    let (burst, extra) = (u32::try_from(BURST).unwrap(), 20);
    let tasks: Vec<_> = (1..=burst + extra)
        .map(|pid| task(pid, 3 * SECOND, *b"web\0"))
        .collect();
    for task in &tasks {
        tree.start(task.pid, "/bin/web", 300);
    }
    let sight = |processes: &mut Processes| {
        for task in &tasks {
            processes.seen(task);
        }
        let known = tasks.iter().filter(|task| processes.of(task).is_some());
        u64::try_from(known.count()).unwrap()
    };
    assert_eq!(sight(&mut processes), BURST);
    assert_eq!(processes.counters().postponed, u64::from(extra));
    processes.turn(MonoNs(3 * NS_PER_READ - 1));
    assert_eq!(sight(&mut processes), BURST + 2);
    // Many turns in little time give no more than one.
    for ns in 0..1000 {
        processes.turn(MonoNs(3 * NS_PER_READ + ns));
    }
    assert_eq!(sight(&mut processes), BURST + 2);
    processes.turn(MonoNs(u64::MAX));
    assert_eq!(sight(&mut processes), BURST + u64::from(extra));
    assert_eq!(processes.counters().read, BURST + u64::from(extra));
}

#[test]
fn a_program_there_was_no_time_for_is_not_the_one_before() {
    let tree = Tree::new();
    let mut processes = tree.processes();
    tree.start(7, "/bin/sh", 300);
    processes.seen(&task(7, 3 * SECOND, *b"sh\0\0"));
    tree.start(7, "/bin/web", 300);
    processes.reads_left = 0;
    let web = task(7, 3 * SECOND, *b"web\0");
    processes.seen(&web);
    assert_eq!(exe(&processes, &web), None);
    processes.turn(MonoNs(SECOND));
    processes.seen(&web);
    assert_eq!(exe(&processes, &web).unwrap(), "/bin/web");
}

#[test]
fn memory_is_bounded_and_the_oldest_go_first() {
    let tree = Tree::new();
    let memory = 8 * (ENTRY + 300);
    let mut processes = Processes::bounded(tree.0.path().to_owned(), 100, memory);
    let tasks: Vec<_> = (1..=50)
        .map(|pid| task(pid, 3 * SECOND, *b"web\0"))
        .collect();
    for task in &tasks {
        tree.start(task.pid, "/bin/web", 300);
        processes.seen(task);
        assert!(processes.bytes <= memory);
        let sum: usize = processes
            .known
            .iter()
            .map(|(_, entry)| entry.weight())
            .sum();
        assert_eq!(processes.bytes, sum);
    }
    assert_eq!(processes.of(&tasks[0]), None);
    assert!(processes.of(&tasks[49]).is_some());
    let kept = u64::try_from(processes.known.len()).unwrap();
    assert_eq!(processes.counters().evicted, 50 - kept);
}

#[test]
fn we_know_ourselves() {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let ticks: u64 = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .nth(19)
        .unwrap()
        .parse()
        .unwrap();
    let start_ns = ticks * (SECOND / clock::ticks_per_second());
    let ourselves = task(std::process::id(), start_ns, *b"us\0\0");
    let mut processes = Processes::new(Path::new("/proc"));
    processes.seen(&ourselves);
    let facts = processes.of(&ourselves).unwrap();
    let exe = std::env::current_exe().unwrap();
    assert_eq!(
        facts.exe.as_ref().unwrap().to_string(),
        exe.to_str().unwrap()
    );
    let arguments = facts.cmdline.as_ref().unwrap();
    assert_eq!(arguments[0].to_string(), std::env::args().next().unwrap());
    assert_eq!(facts.namespace_pids[0], std::process::id());
    assert!(facts.cgroup.as_ref().unwrap().bytes().starts_with(b"/"));
}
