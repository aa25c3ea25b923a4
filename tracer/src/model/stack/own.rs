//! Which call of a stack is the program's own: what stands for it where there is room for one.

use super::{Frame, Stack};
use crate::model::foreign::Foreign;

/// Files that programs call without a word of theirs in them, by how their names begin.
const LIBRARIES: [&[u8]; 7] = [
    b"libc.so",
    b"libc-",
    b"libpthread",
    b"ld-linux",
    b"ld-musl",
    b"libc.musl",
    b"[vdso]",
];
/// Functions of standard libraries that are put into programs, by how their names begin.
const STANDARD: [&[u8]; 20] = [
    b"<std::",
    b"std::",
    b"<core::",
    b"core::",
    b"<alloc::",
    b"alloc::",
    b"syscall.",
    b"internal/",
    b"runtime.",
    b"runtime/",
    b"net.",
    b"net/",
    b"crypto/",
    b"context.",
    b"sync.",
    b"time.",
    b"fmt.",
    b"os.",
    b"bufio.",
    b"io.",
];

/// What every thread begins with, by how their names begin.
const BEGINNINGS: [&[u8]; 6] = [
    b"runtime.goexit",
    b"_start",
    b"__libc_start",
    b"start_thread",
    b"clone",
    b"__clone",
];

/// The program's innermost call that is of no standard library.
#[must_use]
pub fn own_call(stack: &Stack) -> Option<&Frame> {
    let own = |frame: &&Frame| frame.function.is_some() && !is_library(frame);
    stack.user.frames().iter().find(own)
}

/// As [`own_call`]; where all is of standard libraries, the outermost call that says something.
#[must_use]
pub fn telling_call(stack: &Stack) -> Option<&Frame> {
    let says = |frame: &&Frame| frame.function.is_some() && !begins(frame, &BEGINNINGS);
    own_call(stack).or_else(|| stack.user.frames().iter().rfind(says))
}

fn is_library(frame: &Frame) -> bool {
    let module = frame.module.as_ref().map_or(&b""[..], Foreign::bytes);
    let module = module.rsplit(|&byte| byte == b'/').next();
    let module = module.unwrap_or_default();
    LIBRARIES.iter().any(|it| module.starts_with(it)) || begins(frame, &STANDARD)
}

/// Whether the name of a call's function begins with one of these.
fn begins(frame: &Frame, with: &[&[u8]]) -> bool {
    let function = frame.function.as_ref().map_or(&b""[..], Foreign::bytes);
    with.iter().any(|it| function.starts_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::stack::{Absent, Side};

    fn stack(functions: &[&str]) -> Stack {
        let frame = |name: &&str| Frame {
            function: Some(name.as_bytes().into()),
            ..Frame::default()
        };
        Stack {
            kernel: Side::Absent(Absent::NotAsked),
            user: Side::Frames {
                frames: functions.iter().map(frame).collect(),
                truncated: false,
            },
        }
    }

    fn told(functions: &[&str]) -> [Option<String>; 2] {
        let stack = stack(functions);
        [own_call(&stack), telling_call(&stack)]
            .map(|frame| Some(frame?.function.as_ref()?.to_string()))
    }

    #[test]
    fn where_all_is_of_libraries_the_outermost_call_tells() {
        let own = Some("main.serve".to_owned());
        let accept = [
            "net.(*netFD).accept",
            "main.serve",
            "main.main",
            "runtime.goexit",
        ];
        assert_eq!(told(&accept), [own.clone(), own]);
        let read = [
            "net.(*conn).Read",
            "net/http.(*conn).serve",
            "runtime.goexit",
        ];
        assert_eq!(
            told(&read),
            [None, Some("net/http.(*conn).serve".to_owned())]
        );
        assert_eq!(told(&["runtime.goexit"]), [None, None]);
        assert_eq!(told(&[]), [None, None]);
    }
}
