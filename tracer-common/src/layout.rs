//! Compile-time layout checks, evaluated for every target the crate is built for.

/// Fails the build unless `$t` is exactly `$size` bytes with its fields at the offsets given.
macro_rules! assert_layout {
    ($t:ty, size = $size:literal, { $($field:ident: $offset:literal),+ $(,)? }) => {
        const _: () = {
            assert!(core::mem::size_of::<$t>() == $size, "size changed");
            $(assert!(core::mem::offset_of!($t, $field) == $offset, stringify!($field));)+
        };
    };
}

pub(crate) use assert_layout;
