//! The command `finrst`.

fn main() {}
