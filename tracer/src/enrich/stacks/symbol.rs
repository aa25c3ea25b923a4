//! What a symbol says: the function, those put into it, the lines; and whether it is an outermost one.

use std::os::unix::ffi::OsStrExt;

use blazesym::symbolize::{CodeInfo, Sym};

use crate::model::{foreign::Foreign, stack::Frame};

/// Where threads and programs begin; what has another outermost function lacks frames.
const OUTERMOST: [&[u8]; 11] = [
    b"_start",
    b"__libc_start_main",
    b"__libc_start_call_main",
    b"__libc_start_main_impl",
    b"clone",
    b"clone3",
    b"__clone",
    b"__clone3",
    b"start_thread",
    b"runtime.goexit",
    b"thread_start",
];

/// Whether nothing calls a frame's function.
pub(super) fn is_outermost(frame: &Frame) -> bool {
    let function = frame.function.as_ref();
    function.is_some_and(|it| OUTERMOST.contains(&undecorated(it)))
}

/// The calls a symbol stands for, innermost first: functions put into it, then the function.
pub(super) fn frames(symbol: &Sym<'_>, blank: &Frame, back: u64) -> Vec<Frame> {
    let offset = u64::try_from(symbol.offset).ok();
    let outer = Frame {
        function: Some(symbol.name.as_bytes().into()),
        function_offset: offset.map(|offset| offset.saturating_add(back)),
        ..blank.clone()
    };
    let mut told = vec![located(outer, symbol.code_info.as_deref())];
    for inlined in &symbol.inlined {
        let inner = Frame {
            function: Some(inlined.name.as_bytes().into()),
            inlined: true,
            ..blank.clone()
        };
        told.push(located(inner, inlined.code_info.as_ref()));
    }
    told.reverse();
    told
}

fn located(frame: Frame, place: Option<&CodeInfo<'_>>) -> Frame {
    let file = place.map(|place| Foreign::from(place.to_path().as_os_str().as_bytes()));
    Frame {
        file,
        line: place.and_then(|place| place.line),
        ..frame
    }
}

/// A name without what the linker puts behind an `@`, and what a compiler puts behind a dot.
fn undecorated(name: &Foreign) -> &[u8] {
    let bytes = name.bytes();
    let end = bytes.iter().position(|&byte| byte == b'@');
    let bytes = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    bytes.strip_suffix(b".abi0").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoration_hides_no_begin() {
        for (name, plain) in [
            (
                &b"__libc_start_main@@GLIBC_2.34"[..],
                &b"__libc_start_main"[..],
            ),
            (b"runtime.goexit.abi0", b"runtime.goexit"),
            (b"_start", b"_start"),
        ] {
            assert_eq!(undecorated(&name.into()), plain);
        }
    }
}
