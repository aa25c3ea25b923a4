//! Stacks find their acts: by the socket and the time, or as the answer for nobody just given.

use super::Correlator;
use crate::model::{ending::Ending, socket::SocketId, stack::StackId};

impl Correlator {
    /// Takes in that the stacks of an act were taken; the act itself was observed right before.
    pub(super) fn stack(&mut self, id: StackId, socket: SocketId) {
        let limits = self.limits;
        let told = self.ready.iter_mut().chain(&mut self.answers);
        let mut answers = told.chain(self.waiting.iter_mut());
        let for_nobody =
            |ending: &&mut Ending| ending.socket.is_none() && ending.first_seen == id.at;
        if let Some(ending) = answers.find(for_nobody) {
            let other = answers.any(|ending| for_nobody(&ending));
            if let (Some(act), false) = (ending.acts.first_mut(), other) {
                act.stack = Some(id);
            }
            return;
        }
        if let Some(tracked) = self.sockets.find(socket) {
            tracked.stack(id, &limits);
        }
    }
}
