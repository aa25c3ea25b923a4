//! Stacks: the fixed part, and behind it everything its lengths tell of.

use tracer_common::event::{Header, Stack, context};
use zerocopy::IntoBytes;

use crate::model::stack::{Addresses, Caller, Taken};

/// The record a hook would have sent.
pub(super) fn record(taken: &Taken, mut header: Header) -> Vec<u8> {
    header.context |= match taken.caller {
        Caller::Task => context::TASK,
        Caller::Exiting => context::TASK | context::EXITING,
        Caller::KernelThread => context::TASK | context::KTHREAD,
        Caller::Kernel => 0,
    };
    (header.tgid, header.tid) = (taken.pid, taken.tid);
    let asked = |side: &Addresses, bit| if *side == Addresses::NotAsked { 0 } else { bit };
    let words = |words: &[u64]| {
        words
            .iter()
            .flat_map(|it| it.to_ne_bytes())
            .collect::<Vec<_>>()
    };
    let frames = |side: &Addresses| match side {
        Addresses::Frames(frames) => words(frames),
        Addresses::NotAsked | Addresses::Failed(_) => Vec::new(),
    };
    let bytes = |side: &Addresses| match side {
        Addresses::Frames(frames) => i16::try_from(frames.len() * 8).unwrap(),
        Addresses::NotAsked => 0,
        Addresses::Failed(error) => i16::try_from(-i32::from(*error)).unwrap(),
    };
    let registers = words(&taken.registers);
    let rest = [
        frames(&taken.kernel),
        frames(&taken.user),
        registers.clone(),
        taken.memory.clone(),
    ];
    let rest = rest.concat();
    header.size = u16::try_from(size_of::<Stack>() + rest.len()).unwrap();
    let fixed = Stack {
        header,
        address: taken.socket.address,
        cookie: taken.socket.cookie.map_or(0, Into::into),
        of_seq: taken.of_seq,
        start_ns: taken.start_ns,
        mm: taken.mm,
        asked: asked(&taken.kernel, Stack::KERNEL) | asked(&taken.user, Stack::USER),
        kernel: bytes(&taken.kernel),
        user: bytes(&taken.user),
        registers: u16::try_from(registers.len()).unwrap(),
        memory: u16::try_from(taken.memory.len()).unwrap(),
        reserved: [0; 3],
    };
    [fixed.as_bytes(), &rest].concat()
}
