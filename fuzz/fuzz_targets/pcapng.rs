//! Capture files of the block format; what cannot be read says where.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracer::{
    model::segment::Device,
    packet::file::{CaptureFile, FileError},
};

fuzz_target!(|input: &[u8]| {
    // The other formats have a target of their own.
    if !input.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        return;
    }
    let Ok(mut file) = CaptureFile::open(input) else {
        return;
    };
    let mut last = 0;
    let end = loop {
        match file.next_frame() {
            Ok(Some(frame)) => {
                if let Device::Interface(number) = frame.device {
                    last = last.max(number);
                }
                let _ = frame.segment();
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let length = u64::try_from(input.len()).unwrap_or(u64::MAX);
    assert!(file.cut().is_none_or(|at| at <= length));
    if let Err(FileError::Damaged { offset, .. }) = end {
        assert!(offset <= length);
    }
    let known = u32::try_from(file.interfaces().len()).unwrap_or(u32::MAX);
    assert!(last == 0 || last < known);
});
