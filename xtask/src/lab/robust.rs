//! What goes on beside a finrst, or happens to it, and must neither harm the machine nor the truth.

pub(crate) mod chance;
mod held;
mod hostile;
mod killed;
mod privileges;
pub(crate) mod soak;
mod together;

use super::Test;

/// What is tested here alone: guests are slow, and nothing of it depends on the kernel's version.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("robust/killed_at_random", killed::at_random),
    ("robust/confined", privileges::confined),
    ("robust/ordinary_user", privileges::ordinary_user),
    ("robust/missing_privileges", privileges::missing),
    ("robust/hostile_names", hostile::names),
    ("robust/soak", soak::short),
    ("robust/two_together", together::two),
    ("robust/one_killed_beside_another", together::one_killed),
];
