//! What users type: filters, times, amounts, and whole command lines, a word a line.
#![no_main]

use clap::Parser as _;
use libfuzzer_sys::fuzz_target;
use tracer::cli::{Cli, values};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    if let Some(line) = text.strip_prefix("finrst\n") {
        let _typed = Cli::try_parse_from(["finrst"].into_iter().chain(line.split('\n')));
        return;
    }
    if let Ok(name) = values::comm(text) {
        assert!((1..16).contains(&name.0.len()));
    }
    if let Ok(network) = values::net(text) {
        assert_eq!(values::net(&network.to_string()), Ok(network));
    }
    if let Ok(state) = values::state(text) {
        assert_eq!(values::state(state.name()), Ok(state));
    }
    assert!(
        values::memory(text).is_ok_and(|bytes| bytes >= 1 << 20) || values::memory(text).is_err()
    );
    assert!(values::sockets(text).is_ok_and(|it| it > 0) || values::sockets(text).is_err());
    let _time = values::duration(text);
});
