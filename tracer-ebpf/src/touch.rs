//! Who last sent or received on a socket, and from where in the program: kept here for user space to
//! read when it looks, for nobody wants a record of each call.
#![expect(unsafe_code, reason = "a value is put together in a slot of a map")]

use aya_ebpf::EbpfContext;
use tracer_common::{
    event::{Stack, context},
    settings::stacks,
    touch::Touch,
};

use crate::{
    emit::header,
    filter::{self, Meaning},
    kernel::{Address, sock, task},
    maps::TOUCHES,
    settings::setting,
    stack,
};

#[inline(always)]
fn wanted() -> bool {
    setting(|settings| &settings.stacks) & stacks::TOUCH_USER != 0
}

/// Notes that the running task sends or receives.
#[inline(always)]
pub(crate) fn touched(program: &impl EbpfContext, sk: Address, received: bool) -> u32 {
    let flags = task::flags();
    if !wanted() || flags & context::KTHREAD != 0 || !filter::socket(sk, Meaning::Caller) {
        return 0;
    }
    let header = header::<Stack>(context::TASK | flags);
    let Some(slot) = stack::slot(header.at_ns) else {
        return 0;
    };
    // SAFETY: the slot is this hook's until it is given back.
    let scratch = unsafe { &mut *slot };
    task::describe(&mut scratch.task);
    scratch.received = u64::from(received);
    scratch.stack.of_seq = 0;
    let socket = (sk, sock::cookie(sk));
    stack::compose(program, slot, &header, socket, Stack::USER);
    if stack::is_of(slot, header.at_ns) {
        let touch: *const Touch = (&raw const scratch.task).cast();
        // SAFETY: a `Touch` begins there, laid out alike, and the slot has room for all of it.
        let touch = unsafe { &*touch };
        // Without room it stays unknown.
        let _ = TOUCHES.insert(sk, touch, 0);
    }
    stack::give_back(slot);
    0
}

/// Forgets a socket that is gone.
#[inline(always)]
pub(crate) fn forget(sk: Address) {
    if wanted() {
        let _ = TOUCHES.remove(sk);
    }
}
