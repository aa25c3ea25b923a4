//! The account of a run, which must hold for every kind of record.

use std::collections::BTreeMap;

use anyhow::ensure;
use serde::Deserialize;

/// Records of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Account {
    /// Those the hooks meant to send.
    pub(crate) emitted: u64,
    /// Of these, those that arrived.
    pub(crate) received: u64,
    /// And those that did not.
    pub(crate) lost: u64,
}

impl Account {
    fn add(&mut self, other: Self) {
        self.emitted += other.emitted;
        self.received += other.received;
        self.lost += other.lost;
    }
}

/// Accounts by kind of record.
pub(crate) type PerKind = BTreeMap<String, Account>;

/// The closing account of a run: a `summary` line.
#[derive(Debug, Deserialize)]
pub(in crate::lab::robust) struct Summary {
    /// Of all kinds.
    #[serde(flatten)]
    all: Account,
    /// Records that arrived and made no sense.
    undecodable: u64,
    /// Endings printed.
    endings: u64,
    /// Of each kind.
    by_kind: PerKind,
}

impl Summary {
    /// Adds it to others, if nothing in it is wrong.
    ///
    /// # Errors
    /// Something does not add up.
    pub(super) fn join(self, printed: u64, others: &mut PerKind) -> anyhow::Result<()> {
        let mut sum = Account::default();
        for (kind, &it) in &self.by_kind {
            let Account {
                emitted,
                received,
                lost,
            } = it;
            ensure!(
                emitted == received + lost,
                "{emitted} {kind} emitted are not {received} received and {lost} lost"
            );
            sum.add(it);
        }
        ensure!(
            sum == self.all,
            "all kinds are {sum:?}, together {:?}",
            self.all
        );
        ensure!(
            self.undecodable == 0,
            "{} were undecodable",
            self.undecodable
        );
        ensure!(
            self.endings == printed,
            "{} endings are said to be printed, and {printed} were",
            self.endings
        );
        for (kind, it) in self.by_kind {
            others.entry(kind).or_default().add(it);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(lost: u64) -> Summary {
        let line = format!(
            r#"{{"emitted":5,"received":3,"lost":2,"undecodable":0,"endings":1,
                "by_kind":{{"a":{{"emitted":4,"received":3,"lost":{lost}}},
                            "b":{{"emitted":1,"received":0,"lost":1}}}}}}"#
        );
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn every_kind_must_add_up_and_all_endings_be_printed() {
        let mut others = PerKind::new();
        summary(1).join(1, &mut others).unwrap();
        summary(1).join(1, &mut others).unwrap();
        assert_eq!(others["a"].emitted, 8);
        assert!(summary(2).join(1, &mut others).is_err());
        assert!(summary(1).join(2, &mut others).is_err());
    }
}
