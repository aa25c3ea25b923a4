//! Who held the sockets that are older than the attach: used only for want of anything live.

use std::collections::HashMap;

use super::Correlator;
use crate::model::{
    ending::{Ending, Owner},
    holder::{self, Holder},
    known::KnownSocket,
    process::Confidence,
    state::TcpState,
};

/// The holders of sockets at the look that follows the attach, by the inode of their descriptors.
///
/// Old knowledge: a descriptor may be sent to another process unseen. So it says who owned a socket
/// only where no task acted on it until it was gone, and no close that left it open was seen.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    by_inode: HashMap<u32, Vec<Holder>>,
}

impl Seeds {
    /// Holders moved: what was found is true no more.
    pub(super) fn forget(&mut self, inode: Option<u32>) {
        if let Some(inode) = inode {
            self.by_inode.remove(&inode);
        }
    }

    /// Who held a socket alone.
    fn owner(&self, inode: u32) -> Option<Owner> {
        let only = holder::only_process(self.by_inode.get(&inode)?)?;
        Some(Owner {
            task: only.task(),
            confidence: Confidence::Likely,
            from: only.from,
        })
    }
}

impl Correlator {
    /// Takes in what a look at the machine found after the attach; says how many sockets found no
    /// room.
    pub fn know(&mut self, sockets: Vec<KnownSocket>) -> usize {
        let mut refused = 0;
        for socket in sockets {
            let inode = socket.inode.and_then(|it| u32::try_from(it.get()).ok());
            let Some(inode) = inode else {
                if self.limits.answer_ns > 0 && self.older.len() < self.limits.sockets {
                    self.older.insert(socket.flow);
                }
                continue;
            };
            if socket.state == TcpState::Listen {
                self.listeners.found(&socket, inode);
            } else if socket.holders.is_empty() {
                // Held by somebody we cannot see, or by nobody any more.
            } else if self.seeds.by_inode.len() < self.limits.sockets {
                self.seeds.by_inode.insert(inode, socket.holders);
            } else {
                refused += 1;
            }
        }
        refused
    }

    /// Gives an ending without an owner the one its socket had at the look.
    pub(super) fn remember_owner(&self, ending: &mut Ending) {
        if let (None, Some(inode)) = (ending.owner, ending.condition.inode) {
            ending.owner = self.seeds.owner(inode);
        }
    }
}
