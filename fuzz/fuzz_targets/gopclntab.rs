//! Executables of Go: any bytes are one or an error, its table of functions (`gopclntab`) included.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tracer::go::{self, GoBinary};

/// Functions that are named in full.
const NAMED: usize = 64;

fuzz_target!(|input: &[u8]| {
    let source = Arc::new(input.to_vec());
    let _layout = go::layout(Box::new(Arc::clone(&source)));
    let Ok(binary) = GoBinary::open(Box::new(source)) else {
        return;
    };
    let mut known = Vec::new();
    let _all = binary.functions(|address, name| {
        if known.len() < NAMED {
            known.push((address, name.to_owned()));
        }
    });
    for (address, name) in known {
        let _first = binary.function(&name);
        for pc in [address, address.saturating_add(17)] {
            if let Ok(frames) = binary.symbolize(pc) {
                // The last has code of its own.
                assert!(frames.last().is_none_or(|frame| !frame.inlined));
            }
        }
        let _loaded = binary.offset_of(address).map(|it| binary.address_of(it));
    }
});
