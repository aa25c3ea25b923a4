//! The end of the road: an ending is looked after, diagnosed and rendered.

use std::io;

use super::{Pipeline, untold};
use crate::{
    correlate::looked,
    diagnose::{diagnose, explain},
    enrich::facts::Facts,
    model::{ending::Ending, stack::Stack, stray::Why},
    render::Explained,
};

impl<F: Facts> Pipeline<F> {
    /// Takes endings to be told, those that need a look after one look for all; tells those whose
    /// stacks have names.
    pub(super) fn tell_all(&mut self, endings: Vec<Ending>) -> io::Result<()> {
        // Told together, looked for together.
        for look in endings.iter().filter_map(|ending| ending.look) {
            self.facts.want_holders(look.inode);
        }
        for mut ending in endings {
            if let Some(look) = ending.look {
                let holders = self.facts.holders(look.inode);
                looked(&mut ending, holders);
            }
            diagnose(&mut ending);
            if !self.wanted.admits(&ending) {
                self.tally.filtered += 1;
            } else if self.untold.is_empty() && !untold::has_stacks(&ending) {
                self.tell(&ending, &[])?;
            } else {
                self.untold.push(ending);
            }
        }
        self.tell_named(false)
    }

    /// Tells the endings whose stacks have names by now, in their order; with a `hurry` all.
    pub(super) fn tell_named(&mut self, hurry: bool) -> io::Result<()> {
        let mut untold = std::mem::take(&mut self.untold);
        let mut told = Ok(());
        while let (Ok(()), Some((ending, stacks))) = (&told, untold.pop(&mut self.facts, hurry)) {
            told = self.tell(&ending, &stacks);
        }
        self.untold = untold;
        told
    }

    /// Counts the segments nothing tells of and, where events are told, tells them.
    pub(super) fn tell_strays(&mut self) -> io::Result<()> {
        let (strays, refused) = self.correlator.strays();
        let Some(unjoined) = &mut self.tally.unjoined_segments else {
            return Ok(());
        };
        unjoined.add(Why::NoRoom, refused);
        for stray in strays {
            unjoined.add(stray.why, 1);
            let full = self.limit.is_some_and(|limit| self.tally.endings >= limit);
            if self.strays && !full {
                let devices = self.devices.as_ref().unwrap_or(&self.no_devices);
                self.view.segment(&stray, devices, &mut self.out)?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, ending: &Ending, stacks: &[Option<Stack>]) -> io::Result<()> {
        if self.full() {
            self.tally.filtered += 1;
            return Ok(());
        }
        self.tally.endings += 1;
        self.delays.add(ending);
        let explanation = explain(ending);
        let owner = ending.owner.as_ref();
        let owner = owner.and_then(|owner| self.facts.of(&owner.task));
        let netns = ending.flow.netns;
        let netns_name = netns.and_then(|inode| self.facts.netns_name(inode));
        let (stacks, asked) = stacks.split_at(ending.acts.len().min(stacks.len()));
        self.view.ending(
            &Explained {
                ending,
                explanation: &explanation,
                owner,
                netns_name,
                stacks,
                asked: asked.first().and_then(Option::as_ref),
                devices: self.devices.as_ref().unwrap_or(&self.no_devices),
            },
            &mut self.out,
        )
    }
}
