//! The shape of who asked for a close.

use serde::Serialize;

use super::{
    Each, Text,
    stack::{Frame, frames, truncated},
};
use crate::model::{
    ending::Asked as ModelAsked,
    process::Comm,
    stack::{Frame as ModelFrame, Stack},
};

/// Who called `Close` in a program of Go; the system call may be another goroutine's.
#[derive(Serialize)]
pub(super) struct Asked<'a> {
    mono_ns: u64,
    pid: u32,
    tid: u32,
    comm: Text<Comm>,
    goroutine: Option<u64>,
    /// The calls that led there, innermost first; `null` when they found no room.
    user: Option<Each<'a, ModelFrame, Frame<'a>>>,
    /// Whether frames are missing at the outer end.
    truncated: bool,
}

pub(super) fn asked<'a>(asked: &ModelAsked, by: Option<&'a Stack>) -> Asked<'a> {
    let task = &asked.task;
    Asked {
        mono_ns: asked.at.0,
        pid: task.pid,
        tid: task.tid,
        comm: Text(task.comm),
        goroutine: task.goroutine,
        user: by.and_then(|stack| frames(&stack.user)),
        truncated: by.is_some_and(|stack| truncated(&stack.user)),
    }
}
