//! Stacks as text: one call a line, innermost first.

use std::{
    fmt,
    io::{self, Write},
};

use crate::{
    model::{
        foreign::Foreign,
        stack::{Absent, Frame, Side, Stack},
    },
    render::Explained,
};

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
const STANDARD: [&[u8]; 14] = [
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
    b"os.",
    b"bufio.",
    b"io.",
];

/// Writes the stacks of the act an ending is told by; nothing where there are none.
pub(super) fn lines(explained: &Explained<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Some((_, stack)) = explained.stack() else {
        return Ok(());
    };
    side("program", &stack.user, out)?;
    side("kernel", &stack.kernel, out)
}

fn side(name: &str, side: &Side, out: &mut dyn Write) -> io::Result<()> {
    let (frames, truncated) = match side {
        Side::Frames { frames, truncated } => (frames, *truncated),
        Side::Absent(Absent::NotAsked) => return Ok(()),
        Side::Absent(why) => return writeln!(out, "    {name} stack: none, {}", reason(*why)),
    };
    writeln!(out, "    {name} stack:")?;
    for frame in frames {
        writeln!(out, "      {}", call(frame))?;
    }
    if truncated {
        writeln!(out, "      … further frames are missing")?;
    }
    Ok(())
}

const fn reason(why: Absent) -> &'static str {
    match why {
        Absent::NotAsked => "nobody asked for it",
        Absent::NoCaller => "the kernel acted by itself",
        Absent::KernelThread => "a kernel thread acted",
        Absent::Exited => "the process was exiting and had given its memory up",
        Absent::Failed => "the kernel could not take it",
    }
}

/// `function+0x1a at file:line (module)`; what is not known is left out.
fn call(frame: &Frame) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        match (&frame.function, frame.function_offset) {
            (Some(function), Some(offset)) => write!(f, "{function}+{offset:#x}")?,
            (Some(function), None) => write!(f, "{function}")?,
            (None, _) => write!(f, "{:#x}", frame.address)?,
        }
        if let Some(file) = &frame.file {
            write!(f, " at {}", place(file, frame.line))?;
        }
        if frame.inlined {
            return f.write_str(" (inlined)");
        }
        let Some(module) = &frame.module else {
            return Ok(());
        };
        match (&frame.function, frame.offset) {
            (None, Some(offset)) => write!(f, " ({module}+{offset:#x})"),
            _ => write!(f, " ({module})"),
        }
    })
}

fn place(file: &Foreign, line: Option<u32>) -> impl fmt::Display {
    fmt::from_fn(move |f| match line {
        Some(line) => write!(f, "{file}:{line}"),
        None => write!(f, "{file}"),
    })
}

/// Where in the program the act was called, in a few words: its innermost call that is of no
/// standard library.
pub(super) fn caller(stack: &Stack) -> Option<impl fmt::Display> {
    let own = |frame: &&Frame| frame.function.is_some() && !is_library(frame);
    let frame = stack.user.frames().iter().find(own)?;
    let function = frame.function.as_ref()?;
    Some(fmt::from_fn(move |f| {
        write!(f, "{function}")?;
        let Some(file) = &frame.file else {
            return Ok(());
        };
        let name = file.bytes().rsplit(|&byte| byte == b'/').next();
        let name = Foreign::from(name.unwrap_or_default());
        write!(f, " at {}", place(&name, frame.line))
    }))
}

fn is_library(frame: &Frame) -> bool {
    let begins = |name: &[u8], with: &[&[u8]]| with.iter().any(|it| name.starts_with(it));
    let module = frame.module.as_ref().map_or(&b""[..], Foreign::bytes);
    let module = module.rsplit(|&byte| byte == b'/').next();
    let function = frame.function.as_ref().map_or(&b""[..], Foreign::bytes);
    begins(module.unwrap_or_default(), &LIBRARIES) || begins(function, &STANDARD)
}
