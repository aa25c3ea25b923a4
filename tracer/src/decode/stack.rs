//! Stacks off the wire: a fixed part, and behind it what its lengths say.

use std::borrow::Cow;

use tracer_common::event::{Header, Kind, Record, Stack as Wire, context};
use zerocopy::{FromBytes, IntoBytes};

use super::{DecodeError, socket::named, task::actor_without_task};
use crate::model::{
    observation::What,
    process::Actor,
    stack::{Addresses, Caller, Taken},
};

/// Reads a stack; its bytes are exactly as many as its lengths say.
pub(super) fn stack(record: &[u8]) -> Result<(Actor, What), DecodeError> {
    let malformed = || DecodeError::Layout {
        kind: Kind::Stack,
        expected: Wire::SIZE,
        len: record.len(),
    };
    let (fixed, rest) = Wire::read_from_prefix(record).map_err(|_short| malformed())?;
    let (kernel, rest) =
        side(fixed.kernel, fixed.asked & Wire::KERNEL != 0, rest).ok_or_else(malformed)?;
    let (user, rest) =
        side(fixed.user, fixed.asked & Wire::USER != 0, rest).ok_or_else(malformed)?;
    let (registers, rest) = part(rest, fixed.registers, Wire::REGISTERS).ok_or_else(malformed)?;
    let (memory, rest) = part(rest, fixed.memory, Wire::MEMORY).ok_or_else(malformed)?;
    if !rest.is_empty() || !matches!(registers.len(), 0 | Wire::REGISTERS) {
        return Err(malformed());
    }
    let taken = Taken {
        socket: named(fixed.address, fixed.cookie),
        of_seq: fixed.of_seq,
        caller: caller(&fixed.header),
        pid: fixed.header.tgid,
        tid: fixed.header.tid,
        start_ns: fixed.start_ns,
        mm: fixed.mm,
        kernel,
        user,
        registers: words(registers),
        memory: memory.to_vec(),
    };
    Ok((
        actor_without_task(&fixed.header),
        What::Stack(Box::new(taken)),
    ))
}

/// The record as it may be kept: what a program had in its memory is none of a recording's business.
///
/// Anything but a sound stack is left as it is.
#[must_use]
pub fn without_memory(record: &[u8]) -> Cow<'_, [u8]> {
    let whole = Cow::Borrowed(record);
    let Ok((mut fixed, _)) = Wire::read_from_prefix(record) else {
        return whole;
    };
    if fixed.header.kind != Kind::Stack.to_wire() || stack(record).is_err() {
        return whole;
    }
    let drop = fixed.registers.saturating_add(fixed.memory);
    let kept = record.len().saturating_sub(usize::from(drop));
    let size = fixed.header.size.saturating_sub(drop);
    (fixed.header.size, fixed.registers, fixed.memory) = (size, 0, 0);
    let frames = record.get(size_of::<Wire>()..kept).unwrap_or_default();
    Cow::Owned([fixed.as_bytes(), frames].concat())
}

fn caller(header: &Header) -> Caller {
    let has = |bit| header.context & bit != 0;
    if !has(context::TASK) {
        Caller::Kernel
    } else if has(context::KTHREAD) {
        Caller::KernelThread
    } else if has(context::EXITING) {
        Caller::Exiting
    } else {
        Caller::Task
    }
}

/// One side of `bytes`, and what is behind it.
fn side(bytes: i16, asked: bool, rest: &[u8]) -> Option<(Addresses, &[u8])> {
    if !asked {
        return (bytes == 0).then_some((Addresses::NotAsked, rest));
    }
    let Ok(length) = u16::try_from(bytes) else {
        return Some((Addresses::Failed(bytes.unsigned_abs()), rest));
    };
    let (frames, rest) = part(rest, length, 8 * Wire::FRAMES)?;
    (frames.len() % 8 == 0).then(|| (Addresses::Frames(words(frames)), rest))
}

fn part(rest: &[u8], length: u16, most: usize) -> Option<(&[u8], &[u8])> {
    let length = usize::from(length);
    (length <= most)
        .then(|| rest.split_at_checked(length))
        .flatten()
}

fn words(bytes: &[u8]) -> Vec<u64> {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().copied().map(u64::from_ne_bytes).collect()
}
