//! The kernel's own reason for an RST, and its names.

use std::{collections::BTreeMap, sync::Arc};

/// A value of the running kernel's `enum sk_rst_reason`, with its name where the kernel told it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reason {
    /// The number; it means different things on different kernels.
    pub code: u32,
    /// The name without its `SK_RST_REASON_` prefix, from the running kernel's BTF.
    pub name: Option<Arc<str>>,
}

impl Reason {
    /// Whether the kernel gives this reason, by name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }

    /// Whether the reason says anything: before 6.12 active resets carry `NOT_SPECIFIED`.
    #[must_use]
    pub fn says_something(&self) -> bool {
        self.name
            .as_deref()
            .is_some_and(|name| name != "NOT_SPECIFIED")
    }
}

/// The names of the running kernel's reasons; empty on kernels without the enum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReasonNames(BTreeMap<u32, Arc<str>>);

impl ReasonNames {
    /// Takes `(value, name)` pairs as BTF lists them; the `SK_RST_REASON_` prefix is dropped.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (u32, &'a str)>) -> Self {
        let bare = |name: &'a str| name.strip_prefix("SK_RST_REASON_").unwrap_or(name);
        Self(
            pairs
                .into_iter()
                .map(|(code, name)| (code, bare(name).into()))
                .collect(),
        )
    }

    /// Every code with its name, in order; of these [`ReasonNames::new`] makes the same again.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        self.0.iter().map(|(&code, name)| (code, &**name))
    }

    /// A code with the name this kernel gives it.
    #[must_use]
    pub fn reason(&self, code: u32) -> Reason {
        Reason {
            code,
            name: self.0.get(&code).cloned(),
        }
    }
}
