//! Capture files of the classic format, of both byte orders and resolutions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracer::packet::file::CaptureFile;

const MAGICS: [[u8; 4]; 4] = [
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
];

fuzz_target!(|input: &[u8]| {
    let magic = input.first_chunk().is_some_and(|it| MAGICS.contains(it));
    if magic && let Ok(mut file) = CaptureFile::open(input) {
        while let Ok(Some(frame)) = file.next_frame() {
            assert!(frame.bytes.len() <= input.len());
            let _ = frame.segment();
        }
        assert_eq!(file.interfaces().len(), 1);
        assert!(file.cut().is_none_or(|at| at <= length(input)));
    }
});

fn length(input: &[u8]) -> u64 {
    u64::try_from(input.len()).unwrap_or(u64::MAX)
}
