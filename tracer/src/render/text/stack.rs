//! Stacks as text: one call a line, innermost first.

use std::{
    fmt,
    io::{self, Write},
};

use crate::{
    model::{
        ending::Asked,
        foreign::Foreign,
        stack::{Absent, Frame, Side, Stack, own_call},
    },
    render::Explained,
};

/// Writes the stacks of the act an ending is told by; nothing where there are none.
pub(super) fn lines(explained: &Explained<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Some((_, stack)) = explained.stack() else {
        return Ok(());
    };
    side("program", &stack.user, out)?;
    side("kernel", &stack.kernel, out)
}

pub(in crate::render) fn side(name: &str, side: &Side, out: &mut dyn Write) -> io::Result<()> {
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
pub(in crate::render) fn caller(stack: &Stack) -> Option<impl fmt::Display> {
    let frame = own_call(stack)?;
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

/// Who asked for a close, and where, in a sentence.
pub(super) fn asker(asked: &Asked, stack: Option<&Stack>) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        match asked.task.goroutine {
            Some(goroutine) => write!(f, "Goroutine {goroutine}")?,
            None => write!(f, "Thread {}", asked.task.tid)?,
        }
        f.write_str(" had called Close")?;
        match stack.and_then(caller) {
            Some(caller) => write!(f, " in {caller}."),
            None => f.write_str("."),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: &str, module: &str) -> Frame {
        Frame {
            address: 0x55d0_0000_1234,
            function: Some(function.as_bytes().into()),
            function_offset: Some(0x1a),
            module: Some(module.as_bytes().into()),
            offset: Some(0x1234),
            ..Frame::default()
        }
    }

    fn program() -> Vec<Frame> {
        let inlined = Frame {
            function_offset: None,
            inlined: true,
            file: Some(b"/src/pool.c"[..].into()),
            line: Some(9),
            ..frame("hang_up", "/srv/app")
        };
        let nameless = Frame {
            function: None,
            function_offset: None,
            ..frame("", "/srv/plugin.so")
        };
        vec![
            frame("__close", "/usr/lib/libc.so.6"),
            inlined,
            frame("recycle", "/srv/app"),
            nameless,
        ]
    }

    fn told(name: &str, told: &Side) -> String {
        let mut out = Vec::new();
        side(name, told, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_call_says_what_is_known_of_it_and_a_cut_stack_that_it_is_cut() {
        let program = Side::Frames {
            frames: program(),
            truncated: true,
        };
        assert_eq!(
            told("program", &program),
            "    program stack:\n\
             \x20     __close+0x1a (/usr/lib/libc.so.6)\n\
             \x20     hang_up at /src/pool.c:9 (inlined)\n\
             \x20     recycle+0x1a (/srv/app)\n\
             \x20     0x55d000001234 (/srv/plugin.so+0x1234)\n\
             \x20     … further frames are missing\n"
        );
    }

    #[test]
    fn a_missing_stack_says_why_unless_nobody_asked() {
        for why in Absent::ALL {
            let line = told("kernel", &Side::Absent(why));
            assert_eq!(line.is_empty(), why == Absent::NotAsked);
            assert!(line.is_empty() || line.contains(reason(why)));
        }
    }

    #[test]
    fn the_caller_is_the_innermost_call_of_no_library() {
        let stack = Stack {
            kernel: Side::Absent(Absent::NotAsked),
            user: Side::Frames {
                frames: program(),
                truncated: false,
            },
        };
        let told = caller(&stack).map(|it| it.to_string());
        assert_eq!(told.as_deref(), Some("hang_up at pool.c:9"));
    }
}
