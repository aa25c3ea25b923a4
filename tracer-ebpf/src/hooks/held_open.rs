//! The body of both hooks that see a descriptor closed: whether its connection lives on.

use aya_ebpf::EbpfContext;
use tracer_common::event::{HeldOpen, Kind, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    kernel::{Address, files, sock, task},
    stack, transition,
};

/// Reports a close of `file` that ends nothing, if the file is a connection's.
#[inline(always)]
pub(super) fn closed(program: &impl EbpfContext, file: Address) -> u32 {
    let references = files::other_references(file);
    if references == 0 || !wanted(Kind::HeldOpen) || !files::is_socket(file) {
        return 0;
    }
    let socket = files::socket(file);
    let sk = files::sk(socket);
    if !sock::is_stream(sk) || !transition::connected(sock::state(sk)) {
        return 0;
    }
    let flags = task::flags();
    if flags & context::EXITING != 0 || task::executes() {
        return 0;
    }
    if !filter::socket(sk, Meaning::Caller) {
        return 0;
    }
    let mut record = HeldOpen::new_zeroed();
    sock::describe(sk, &mut record.socket);
    record.header = header::<HeldOpen>(context::TASK | flags);
    task::describe(&mut record.task);
    record.inode = sock::inode_of(socket);
    record.references = references;
    emit(program, Lane::Endings, &mut record);
    stack::of_held_open(program, &record.header, &record.socket);
    0
}
