//! The kernel's types as the library that loads programs wants them: read a second time, by a thread
//! of its own while the first reading is used already.

use std::{
    sync::{Arc, OnceLock},
    thread,
};

/// The types, as soon as they are read.
#[derive(Clone, Debug)]
pub struct Typed {
    raw: Arc<Vec<u8>>,
    read: Arc<OnceLock<Option<aya::Btf>>>,
}

impl Typed {
    /// Begins to read raw BTF.
    #[must_use]
    pub fn begin(raw: Arc<Vec<u8>>) -> Self {
        let typed = Self {
            raw,
            read: Arc::default(),
        };
        let ahead = typed.clone();
        // Where there is no thread to be had, whoever asks first reads.
        let _ = thread::Builder::new().name("types".into()).spawn(move || {
            let _ = ahead.get();
        });
        typed
    }

    /// The types, waited for if need be; `None` when the library cannot read them, which costs the
    /// ways that need them.
    #[must_use]
    pub fn get(&self) -> Option<&aya::Btf> {
        let read = || aya::Btf::parse(&self.raw, aya::Endianness::default()).ok();
        self.read.get_or_init(read).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_btf_is_no_types_for_all_who_ask() {
        let typed = Typed::begin(Arc::new(b"no types".to_vec()));
        assert!(typed.get().is_none() && typed.clone().get().is_none());
    }
}
