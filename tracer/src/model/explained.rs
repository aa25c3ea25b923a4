//! What an ending means, in words for people.

/// The answer to who, what and why, with what supports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// One or two plain sentences.
    pub text: String,
    /// What usually helps; empty when nothing is wrong.
    pub advice: &'static str,
    /// The facts behind it, each as `name=value`.
    pub evidence: Vec<String>,
}
