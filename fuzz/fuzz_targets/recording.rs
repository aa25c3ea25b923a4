//! Whole recordings as bytes of a file: whatever they are, they are read to an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracer::record::Reader;

fuzz_target!(|input: &[u8]| {
    let Ok(mut reader) = Reader::new(input) else {
        return;
    };
    let ended = loop {
        match reader.entry() {
            Ok(Some(_)) => {}
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    assert_eq!(ended, reader.stop().is_some());
    assert!(reader.offset() <= u64::try_from(input.len()).unwrap_or(u64::MAX));
});
