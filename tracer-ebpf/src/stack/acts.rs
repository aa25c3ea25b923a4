//! Of which acts stacks are taken: what user space asked for.

use aya_ebpf::EbpfContext;
use tracer_common::{
    event::{Header, Stack, StateChanged},
    settings::stacks,
    socket::Socket,
};

use super::take;
use crate::{settings::setting, transition};

/// Takes the stacks behind an RST.
#[inline(always)]
pub(crate) fn of_reset(program: &impl EbpfContext, act: &Header, socket: &Socket) {
    let kernel = asked(stacks::RESET_KERNEL, Stack::KERNEL);
    take(
        program,
        act,
        socket,
        kernel | asked(stacks::RESET_USER, Stack::USER),
    );
}

/// Takes the stacks behind a change of state: another act, or the begin of a connection.
#[inline(always)]
pub(crate) fn of_change(program: &impl EbpfContext, of: &StateChanged) {
    let opens = transition::opens(of.to, of.header.context);
    let wanted = if opens {
        asked(stacks::KEEPING_USER, Stack::USER)
    } else {
        asked(stacks::OTHER_KERNEL, Stack::KERNEL) | asked(stacks::OTHER_USER, Stack::USER)
    };
    if opens || transition::acts(of.from, of.to) {
        take(program, &of.header, &of.socket, wanted);
    }
}

/// Takes the stacks behind a close that ends nothing.
#[inline(always)]
pub(crate) fn of_held_open(program: &impl EbpfContext, act: &Header, socket: &Socket) {
    let kernel = asked(stacks::OTHER_KERNEL, Stack::KERNEL);
    let user = asked(stacks::OTHER_USER | stacks::KEEPING_USER, Stack::USER);
    take(program, act, socket, kernel | user);
}

/// Takes the program's stack where a connection is got, or shut down and kept.
#[inline(always)]
pub(crate) fn of_keeping(program: &impl EbpfContext, act: &Header, socket: &Socket) {
    take(
        program,
        act,
        socket,
        asked(stacks::KEEPING_USER, Stack::USER),
    );
}

/// Takes the program's stack behind a wish, whichever acts' stacks are wanted.
#[inline(always)]
pub(crate) fn of_asker(program: &impl EbpfContext, wish: &Header, socket: &Socket) {
    take(program, wish, socket, Stack::USER);
}

#[inline(always)]
fn asked(bits: u32, asked: u16) -> u16 {
    if setting(|settings| &settings.stacks) & bits == 0 {
        0
    } else {
        asked
    }
}
