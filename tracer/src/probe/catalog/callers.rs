//! The point in programs of Go: who asks for a close.

use tracer_common::event::Kind;

use super::{Candidate, Need, Point};
use crate::probe::way::Hook;

/// The program of the kernel object that is attached to executables.
pub(in crate::probe) const GO_CLOSE: &str = "go_close";

/// The call of `Close` on a connection.
pub(super) const CLOSE_ASKED: Point = Point {
    name: "close_asked",
    sees: "the call of Close in programs of Go (--go-callers)",
    lost: "the goroutine and the line that asked for a close which another goroutine carried out",
    required: false,
    kind: Kind::CloseAsked,
    candidates: &[Candidate {
        hook: Hook::Uprobe,
        programs: &[(GO_CLOSE, "internal/poll.(*FD).Close")],
        needs: Need::Nothing,
    }],
};
