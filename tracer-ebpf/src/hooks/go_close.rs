//! `internal/poll.(*FD).Close` of programs of Go, `internal/poll/fd_unix.go`: somebody asks for a
//! descriptor to be closed. User space attaches it to each executable on its own.

use aya_ebpf::{
    EbpfContext,
    macros::uprobe,
    programs::{ProbeContext, RetProbeContext},
};
use tracer_common::event::{CloseAsked, Kind, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    kernel::{Address, files, sock, task, user},
    stack,
};

/// `Sysfd` in `poll.FD`, behind `fdmu` (`internal/poll/fd_mutex.go`), since Go 1.9.
const DESCRIPTOR: u64 = 16;

#[uprobe]
fn go_close(program: ProbeContext) -> u32 {
    if !wanted(Kind::CloseAsked) {
        return 0;
    }
    // Go passes the receiver in the register in which C returns (`abi-internal.md`).
    let receiver: Address = RetProbeContext::new(program.as_ptr()).ret();
    let file = files::of_descriptor(user(receiver.wrapping_add(DESCRIPTOR)));
    // Files are closed the same way.
    if file == 0 || !files::is_socket(file) {
        return 0;
    }
    let sk = files::sk(files::socket(file));
    if !sock::is_stream(sk) {
        return 0;
    }
    if !filter::socket(sk, Meaning::Caller) {
        return 0;
    }
    let mut record = CloseAsked::new_zeroed();
    sock::describe(sk, &mut record.socket);
    record.header = header::<CloseAsked>(context::TASK | task::flags());
    task::describe(&mut record.task);
    emit(&program, Lane::Endings, &mut record);
    stack::of_asker(&program, &record.header, &record.socket);
    0
}
