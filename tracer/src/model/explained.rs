//! What `diagnose` says about an ending, in words.

/// Why a connection ended and what to do about it, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// One sentence that tells what happened.
    pub text: String,
    /// What to do about it; empty when there is nothing to do.
    pub advice: &'static str,
    /// The facts it rests on, each `name=value`.
    pub evidence: Vec<String>,
}
