//! Stacks with names: of a process that is there, of one that is gone, and never too many.

use std::{os::unix::fs::FileExt as _, path::Path, process, time::Duration};

use object::{Object as _, ObjectSymbol as _};

use super::*;
use crate::{
    enrich::stat::Stat,
    model::{foreign::Foreign, socket::SocketId},
};

const PROC: &str = "/proc";

/// A function to be found.
#[inline(never)]
fn landmark() -> u32 {
    std::hint::black_box(7)
}

#[expect(clippy::as_conversions, reason = "an address is a number to a stack")]
fn address() -> u64 {
    let function: fn() -> u32 = landmark;
    assert_eq!(function(), 7);
    function as usize as u64
}

fn own_start() -> u64 {
    let text = std::fs::read("/proc/self/stat").unwrap();
    let ticks = Stat::new(&text).unwrap().start_ticks().unwrap();
    ticks * (1_000_000_000 / clock::ticks_per_second())
}

fn taken(pid: u32, frames: Vec<u64>) -> Taken {
    Taken {
        socket: SocketId {
            address: 1,
            cookie: None,
        },
        of_seq: 1,
        caller: Caller::Task,
        pid,
        tid: pid,
        start_ns: own_start(),
        mm: 5,
        kernel: Addresses::NotAsked,
        user: Addresses::Frames(frames),
        registers: Vec::new(),
        memory: Vec::new(),
    }
}

fn id(number: u64) -> StackId {
    StackId {
        at: MonoNs(1_000 + number),
        cpu: 0,
        of_seq: number,
    }
}

/// What is told of a stack in a hurry.
fn given(stacks: &mut Stacks, number: u64) -> Option<Stack> {
    match stacks.take(id(number), true) {
        Poll::Ready(stack) => stack,
        Poll::Pending => panic!("a hurry waits for nothing"),
    }
}

/// The stack as it is told once the thread had time.
fn told(stacks: &mut Stacks, taken: &Taken) -> Stack {
    stacks.seen(id(1), taken);
    for _ in 0..600 {
        stacks.collect();
        if stacks.waiting.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    given(stacks, 1).unwrap()
}

#[test]
fn a_function_of_a_living_process_has_its_name() {
    let mut stacks = Stacks::new(Path::new(PROC));
    let stack = told(&mut stacks, &taken(process::id(), vec![address()]));
    let function = stack.user.frames().first().unwrap().function.clone();
    let function = function.unwrap().to_string();
    assert!(function.contains("landmark"), "{function}");
    assert_eq!(stack.kernel, Side::Absent(Absent::NotAsked));
    assert_eq!(given(&mut stacks, 1), None, "told once");
}

/// Where a function of the vDSO is in this process.
fn clock_of_the_vdso() -> u64 {
    let text = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line = text.lines().find(|line| line.ends_with("[vdso]")).unwrap();
    let (range, _) = line.split_once(' ').unwrap();
    let (start, end) = range.split_once('-').unwrap();
    let hexadecimal = |text| u64::from_str_radix(text, 16).unwrap();
    let (start, end) = (hexadecimal(start), hexadecimal(end));
    let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    memory.read_exact_at(&mut bytes, start).unwrap();
    let elf = object::File::parse(&*bytes).unwrap();
    let clock = |symbol: &object::Symbol<'_, '_>| symbol.name() == Ok("__vdso_clock_gettime");
    start + elf.dynamic_symbols().find(clock).unwrap().address()
}

#[test]
fn a_function_of_the_vdso_has_its_name() {
    let mut stacks = Stacks::new(Path::new(PROC));
    let stack = told(
        &mut stacks,
        &taken(process::id(), vec![clock_of_the_vdso()]),
    );
    let frame = stack.user.frames().first().unwrap();
    let function = frame.function.clone().unwrap().to_string();
    // Its two names are one place.
    assert!(function.ends_with("clock_gettime"), "{function}");
    assert_eq!(frame.module, Some((&b"[vdso]"[..]).into()));
}

#[test]
fn a_process_that_is_gone_has_addresses_alone_unless_it_was_expected() {
    let mut stacks = Stacks::new(Path::new(PROC));
    let mut gone = taken(process::id(), vec![address()]);
    // Another process had the pid.
    gone.start_ns = 1;
    let stack = told(&mut stacks, &gone);
    let frame = stack.user.frames().first().unwrap();
    assert_eq!((frame.address, &frame.function), (address(), &None));
    assert!(matches!(
        stack.user,
        Side::Frames {
            truncated: true,
            ..
        }
    ));
}

#[test]
fn a_process_that_has_given_its_memory_up_is_known_by_what_it_had() {
    let proc = std::env::temp_dir().join(format!("finrst-programs-{}", process::id()));
    let directory = proc.join("7");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::copy("/proc/self/stat", directory.join("stat")).unwrap();
    let maps = directory.join("maps");
    std::fs::write(&maps, "1000-2000 r-xp 00000000 00:00 0 \n").unwrap();
    let mut programs = Programs::new(proc.clone());
    programs.expect(MonoNs(1), 7, own_start());
    // It exited, and nobody has waited for it yet.
    std::fs::write(&maps, "").unwrap();
    let program = programs.of(MonoNs(2), &taken(7, vec![0x1800]));
    std::fs::remove_dir_all(&proc).unwrap();
    assert!(program.unwrap().maps.of(0x1800).is_some());
}

#[test]
fn names_are_waited_for_from_when_they_are_looked_for() {
    let mut stacks = Stacks::new(Path::new(PROC));
    let seen = id(1);
    let after = |ns| seen.at.after(ns);
    stacks.now = after(LOADING - 1);
    assert!(stacks.patient(seen), "nobody looks for them yet");
    stacks.now = after(LOADING);
    assert!(!stacks.patient(seen), "nobody ever will");
    stacks.at_work = Some(after(LOADING / 2));
    stacks.now = after(LOADING / 2 + PATIENCE - 1);
    assert!(stacks.patient(seen));
    stacks.now = after(LOADING / 2 + PATIENCE);
    assert!(!stacks.patient(seen));
}

#[test]
fn why_there_is_no_stack_is_told() {
    for (caller, absent) in [
        (Caller::Kernel, Absent::NoCaller),
        (Caller::Exiting, Absent::Exited),
        (Caller::KernelThread, Absent::KernelThread),
        (Caller::Task, Absent::Failed),
    ] {
        let taken = Taken {
            caller,
            ..taken(process::id(), Vec::new())
        };
        assert_eq!(bare(&taken, None).user, Side::Absent(absent));
    }
}

#[test]
fn answers_nobody_asks_for_find_an_end() {
    let mut stacks = Stacks::new(Path::new(PROC));
    let name = Foreign::from(&*vec![b'x'; 8 << 10]);
    let frame = Frame {
        function: Some(name),
        ..Frame::default()
    };
    for number in 0..10_000 {
        let user = Side::Frames {
            frames: vec![frame.clone()],
            truncated: false,
        };
        let kernel = Side::Absent(Absent::NotAsked);
        stacks.keep(id(number), Stack { kernel, user });
        assert!(stacks.bytes <= MEMORY && stacks.answered.len() <= STACKS);
    }
    assert!(given(&mut stacks, 0).is_none() && given(&mut stacks, 9_999).is_some());
}
