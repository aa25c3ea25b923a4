//! Each filter with a connection it must let through and one it must not.

use std::time::Duration;

use anyhow::bail;

use super::{
    Lab, Test, compare,
    played::{self, Held},
    scenes,
    told::Ending,
    tracer::Tracer,
};
use crate::scene::truth::{Expected, Ready, Told};

/// One filter's test.
struct Trial {
    /// The scene held until the tracer is attached, and how it is played.
    held: (&'static str, &'static [&'static str]),
    /// A scene played after it, of which nothing may be told unless `keep` says so.
    other: &'static str,
    /// What is filtered by, given who is there.
    filter: fn(&Ready) -> Vec<String>,
    /// Which endings the filter lets through.
    keep: fn(&Ready, &Expected) -> bool,
}

/// The tests, by name.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("filter/pid", pid),
    ("filter/pid_follow", pid_follow),
    ("filter/comm", comm),
    ("filter/comm_stand_in", stand_in),
    ("filter/comm_nobody", nobody),
    ("filter/pid_older", older::older),
    ("filter/comm_later", later),
    ("filter/uid", uid),
    ("filter/local_port", local_port),
    ("filter/remote_port", remote_port),
    ("filter/net", net),
    ("filter/nets", nets),
    ("filter/netns", netns),
    ("filter/ipv4", ipv4),
    ("filter/ipv6", ipv6),
    ("filter/kind_rst", kind_rst),
    ("filter/kind_fin", kind_fin),
];

mod older;

/// A graceful scene played plainly.
const GRACEFUL: (&str, &[&str]) = ("client_closes_first", &[]);

/// A user nobody's program runs as.
const STRANGER: &str = "64321";

/// `-p` of the server alone.
fn pid(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: GRACEFUL,
        other: "server_closes_first",
        filter: |ready| vec!["-p".into(), ready.server.pid.to_string()],
        keep: |ready, it| it.owner.as_ref() == Some(&ready.server),
    }
    .run(lab)
}

/// `-p` of the process the parts are children of since before, one of which forks later.
fn pid_follow(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: ("last_closer", &[]),
        other: "server_closes_first",
        filter: |ready| {
            let pid = ready.director.to_string();
            let words = ["-p", &pid, "--follow", scenes::HELD_OPEN];
            words.map(str::to_owned).to_vec()
        },
        keep: |ready, it| it.of_port(ready.address.port()),
    }
    .run(lab)
}

/// `--comm` lets through every process of that name.
fn comm(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: GRACEFUL,
        other: "server_closes_first",
        filter: |_| vec!["--comm".into(), "fr-server".into()],
        keep: |_, it| it.is_of("fr-server"),
    }
    .run(lab)
}

/// `--comm` lets through what a stand-in answers for a connection that was wanted, and nobody's answer
/// for one that was not.
fn stand_in(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: ("data_after_close", &[]),
        other: "late_segment",
        filter: |_| vec!["--comm".into(), "fr-server".into()],
        keep: |_, it| it.is_of("fr-server"),
    }
    .run(lab)
}

/// The other way about.
fn nobody(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: ("late_segment", &[]),
        other: "data_after_close",
        filter: |_| vec!["--comm".into(), "fr-client".into()],
        keep: |_, it| it.is_of("fr-client"),
    }
    .run(lab)
}

/// A socket of somebody else's, who closes it first, is wanted once a process of that name has it.
fn later(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: ("passed", &[]),
        other: "child_closes_first",
        filter: |_| vec!["--comm".into(), "fr-receiver".into()],
        keep: |_, it| it.is_of("fr-receiver"),
    }
    .run(lab)
}

/// `-u` of a user of its own.
fn uid(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: ("client_closes_first", &["--uid", STRANGER]),
        other: "client_closes_first",
        filter: |_| vec!["-u".into(), STRANGER.into()],
        keep: |ready, it| it.of_port(ready.address.port()),
    }
    .run(lab)
}

/// `--local-port` is the server's side alone.
fn local_port(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: GRACEFUL,
        other: "client_closes_first",
        filter: |ready| vec!["--local-port".into(), ready.address.port().to_string()],
        keep: |ready, it| it.local.port() == ready.address.port(),
    }
    .run(lab)
}

/// `--remote-port` is the client's side alone.
fn remote_port(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: GRACEFUL,
        other: "client_closes_first",
        filter: |ready| vec!["--remote-port".into(), ready.address.port().to_string()],
        keep: |ready, it| it.remote.port() == ready.address.port(),
    }
    .run(lab)
}

/// `--net` with one end inside.
fn net(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: ("client_closes_first", &["--address", "127.55.0.1"]),
        other: "client_closes_first",
        filter: |_| vec!["--net".into(), "127.55.0.0/16".into()],
        keep: |ready, it| it.of_port(ready.address.port()),
    }
    .run(lab)
}

/// More networks than the hooks compare one by one, of both families: the last has one end.
fn nets(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: ("client_closes_first", &["--address", "127.55.0.1"]),
        other: "ipv6",
        filter: |_| {
            let nets =
                "10.55.0.0/16 192.0.2.0/24 2001:db8::/32 198.51.100.7 fe80::/10 127.55.0.0/16";
            let options = nets.split(' ').map(|net| ["--net".into(), net.into()]);
            options.flatten().collect()
        },
        keep: |ready, it| it.of_port(ready.address.port()),
    }
    .run(lab)
}

/// `--netns` of the scene's own namespace.
fn netns(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: ("client_closes_first", &["--netns"]),
        other: "client_closes_first",
        filter: |ready| vec!["--netns".into(), ready.netns.to_string()],
        keep: |ready, it| it.of_port(ready.address.port()),
    }
    .run(lab)
}

/// `-4`.
fn ipv4(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: GRACEFUL,
        other: "ipv6",
        filter: |_| vec!["-4".into()],
        keep: |_, it| it.local.is_ipv4(),
    }
    .run(lab)
}

/// `-6`.
fn ipv6(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: ("ipv6", &[]),
        other: "client_closes_first",
        filter: |_| vec!["-6".into()],
        keep: |_, it| it.local.is_ipv6(),
    }
    .run(lab)
}

/// `--kind rst`.
fn kind_rst(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: ("unread_data", &[]),
        other: "client_closes_first",
        filter: |_| vec!["--kind".into(), "rst".into()],
        keep: |_, it| {
            it.decisive()
                .is_some_and(|(how, _)| how.starts_with("rst_"))
        },
    }
    .run(lab)
}

/// `--kind fin`.
fn kind_fin(lab: &Lab) -> anyhow::Result<()> {
    Trial {
        held: GRACEFUL,
        other: "unread_data",
        filter: |_| vec!["--kind".into(), "fin".into()],
        keep: |_, it| {
            it.decisive()
                .is_some_and(|(how, _)| how.starts_with("fin_"))
        },
    }
    .run(lab)
}

impl Expected {
    /// Whether a process of this name held it.
    fn is_of(&self, comm: &str) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.comm == comm)
    }

    /// Whether either end has this port.
    fn of_port(&self, port: u16) -> bool {
        self.local.port() == port || self.remote.port() == port
    }
}

impl Trial {
    /// Plays both scenes under the filter.
    fn run(&self, lab: &Lab) -> anyhow::Result<()> {
        let held: Held = Held::new(self.held.0, self.held.1)?;
        let ready = held.ready.clone();
        let command = lab.trace(&(self.filter)(&ready));
        let mut tracer = Tracer::start(command, lab.patience(Duration::from_secs(10)))?;
        let told: Told = held.play()?;
        let other: Told = played::play(self.other, &[])?;
        let (kept, dropped): (Vec<_>, Vec<_>) = told
            .expected
            .into_iter()
            .chain(other.expected)
            .partition(|expected| (self.keep)(&ready, expected));
        let found = |endings: &[Ending]| {
            let mut kept = kept.iter();
            kept.all(|expected| endings.iter().any(|it| compare::is_of(it, expected)))
        };
        tracer.watch(lab.patience(scenes::SETTLED), found)?;
        // What must not be told gets its time to be told: it settles for a second, whatever the
        // speed of the machine, and then it travels.
        let travel = lab.patience(Duration::from_millis(100));
        tracer.watch(Duration::from_secs(1) + travel, |_| false)?;
        let ended = tracer.stop()?;
        compare::compare(lab, &kept, &ended.endings)?;
        for ending in &ended.endings {
            if let Some(it) = dropped.iter().find(|it| compare::is_of(ending, it)) {
                bail!(
                    "{} -> {} should have been filtered out",
                    it.local,
                    it.remote
                );
            }
        }
        scenes::accounted(ended.summary)
    }
}
