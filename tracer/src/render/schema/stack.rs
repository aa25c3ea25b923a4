//! The shape of a stack.

use serde::Serialize;

use super::{Each, Text};
use crate::model::{
    foreign::Foreign,
    stack::{Absent, Frame as ModelFrame, Side, Stack as ModelStack},
};

/// Both stacks behind an act.
#[derive(Serialize)]
pub(super) struct Stack<'a> {
    /// Which of `acts`.
    act: usize,
    kernel: Option<Each<'a, ModelFrame, Frame<'a>>>,
    /// Why there is no kernel stack; `null` when there is one.
    kernel_absent: Option<&'static str>,
    user: Option<Each<'a, ModelFrame, Frame<'a>>>,
    user_absent: Option<&'static str>,
    /// Whether frames are missing at the outer end.
    truncated: bool,
}

/// One call.
#[derive(Serialize)]
pub(super) struct Frame<'a> {
    function: Option<Text<&'a Foreign>>,
    function_offset: Option<u64>,
    file: Option<Text<&'a Foreign>>,
    line: Option<u32>,
    inlined: bool,
    module: Option<Text<&'a Foreign>>,
    /// Where in the module's file.
    offset: Option<u64>,
    build_id: Option<Text<&'a Foreign>>,
    /// Hexadecimal digits, as JSON numbers hold no 64 bits.
    address: Text<String>,
}

/// The stacks behind one of the acts.
pub(super) fn stack(act: usize, stack: &ModelStack) -> Stack<'_> {
    Stack {
        act,
        kernel: frames(&stack.kernel),
        kernel_absent: absent(&stack.kernel),
        user: frames(&stack.user),
        user_absent: absent(&stack.user),
        truncated: truncated(&stack.user) || truncated(&stack.kernel),
    }
}

/// The calls of one side; `None` where there are none.
pub(super) fn frames(side: &Side) -> Option<Each<'_, ModelFrame, Frame<'_>>> {
    match side {
        Side::Frames { frames, .. } => Some(Each {
            items: frames,
            shape: frame,
        }),
        Side::Absent(_) => None,
    }
}

/// Whether frames are missing at the outer end.
pub(super) const fn truncated(side: &Side) -> bool {
    matches!(
        side,
        Side::Frames {
            truncated: true,
            ..
        }
    )
}

fn absent(side: &Side) -> Option<&'static str> {
    match side {
        Side::Frames { .. } => None,
        Side::Absent(why) => Some(Absent::code(*why)),
    }
}

fn frame(frame: &ModelFrame) -> Frame<'_> {
    Frame {
        function: frame.function.as_ref().map(Text),
        function_offset: frame.function_offset,
        file: frame.file.as_ref().map(Text),
        line: frame.line,
        inlined: frame.inlined,
        module: frame.module.as_ref().map(Text),
        offset: frame.offset,
        build_id: frame.build_id.as_ref().map(Text),
        address: Text(format!("{:x}", frame.address)),
    }
}
