//! What the kernel tells as text (`/proc`) or as messages (netlink): the first byte says which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracer::enrich::told::Told;

fuzz_target!(|input: &[u8]| {
    let Some((&which, bytes)) = input.split_first() else {
        return;
    };
    if let Some(told) = Told::ALL.get(usize::from(which)) {
        // Nothing is found where nothing is, and never more than there are bytes, but for ports.
        let found = told.found(bytes);
        assert!(*told == Told::Ports || found <= bytes.len().saturating_mul(2));
    }
});
