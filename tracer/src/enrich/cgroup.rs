//! Which container and which pod the path of a control group belongs to.
//!
//! Pure functions on bytes that a process with a control group of its own to fill can choose: what
//! matches no pattern exactly is no container.

use crate::model::{
    foreign::Foreign,
    identity::{Container, PodUid, Runtime},
};

/// What a path says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The innermost container.
    pub container: Option<Container>,
    /// The innermost Kubernetes pod.
    pub pod: Option<PodUid>,
}

/// How the id stands in a part of the path.
#[derive(Clone, Copy)]
enum Id {
    /// 64 hexadecimal digits.
    Hash,
    /// Any name, as systemd escapes it in units.
    Unit,
    /// Any name.
    Name,
}

/// One way to name a container.
struct Pattern {
    /// What the part before must be; empty for anything.
    below: &'static str,
    /// What the part begins with.
    prefix: &'static str,
    /// What it ends with.
    suffix: &'static str,
    id: Id,
    runtime: Runtime,
}

const fn pattern(
    below: &'static str,
    prefix: &'static str,
    suffix: &'static str,
    id: Id,
    runtime: Runtime,
) -> Pattern {
    Pattern {
        below,
        prefix,
        suffix,
        id,
        runtime,
    }
}

/// Every way we know, of cgroup v1 and v2, with the systemd and the cgroupfs driver.
///
/// Machines of systemd may be others' too: see `NOT_NSPAWN`. Monitors such as `libpod-conmon-ID`
/// and `lxc.monitor.NAME` are no part of what they watch.
const PATTERNS: &[Pattern] = &[
    pattern("", "docker-", ".scope", Id::Hash, Runtime::Docker),
    pattern("docker", "", "", Id::Hash, Runtime::Docker),
    pattern(
        "",
        "cri-containerd-",
        ".scope",
        Id::Hash,
        Runtime::Containerd,
    ),
    pattern("", "nerdctl-", ".scope", Id::Hash, Runtime::Containerd),
    pattern("", "crio-", ".scope", Id::Hash, Runtime::CriO),
    pattern("", "crio-", "", Id::Hash, Runtime::CriO),
    pattern("", "libpod-", ".scope", Id::Hash, Runtime::Podman),
    pattern("", "libpod-payload-", "", Id::Hash, Runtime::Podman),
    pattern("", "libpod-", "", Id::Hash, Runtime::Podman),
    pattern(
        "machine.slice",
        "machine-",
        ".scope",
        Id::Unit,
        Runtime::Nspawn,
    ),
    pattern(
        "machine.slice",
        "systemd-nspawn@",
        ".service",
        Id::Unit,
        Runtime::Nspawn,
    ),
    pattern("", "lxc.payload.", "", Id::Name, Runtime::Lxc),
    pattern("lxc.payload", "", "", Id::Name, Runtime::Lxc),
    pattern("lxc", "", "", Id::Name, Runtime::Lxc),
];

/// The names of a systemd driver's unit that runc took for a path: `SLICE:PREFIX:ID`.
const COLON_PREFIXES: &[(&str, Runtime)] = &[
    ("cri-containerd", Runtime::Containerd),
    ("nerdctl", Runtime::Containerd),
    ("docker", Runtime::Docker),
    ("crio", Runtime::CriO),
    ("libpod", Runtime::Podman),
];

/// What machines begin with that libvirt registered: virtual machines and its own containers.
const NOT_NSPAWN: &[&str] = &["qemu-", "lxc-", "libvirt-"];

/// What the path of a control group says of who is in it.
#[must_use]
pub fn membership(path: &[u8]) -> Membership {
    let mut found = Membership::default();
    let mut above: &[u8] = b"";
    let mut in_kubepods = false;
    let mut below_pod = false;
    for part in path.split(|&byte| byte == b'/') {
        let pod = pod(part, in_kubepods);
        if let Some(container) = container(above, part) {
            found.container = Some(container);
        } else if below_pod && is_hash(part) {
            // The cgroupfs driver of docker and containerd below Kubernetes: no word of either.
            found.container = Some(Container {
                id: part.into(),
                runtime: None,
            });
        } else if part == b"supervisor" && is_nspawn(found.container.as_ref()) {
            // systemd-nspawn itself, outside of what it runs.
            found.container = None;
        }
        in_kubepods |= part == b"kubepods";
        below_pod = pod.is_some();
        found.pod = pod.or(found.pod);
        above = part;
    }
    found
}

fn is_nspawn(container: Option<&Container>) -> bool {
    container.is_some_and(|container| container.runtime == Some(Runtime::Nspawn))
}

fn container(above: &[u8], part: &[u8]) -> Option<Container> {
    let mut known = PATTERNS
        .iter()
        .filter(|pattern| pattern.below.is_empty() || pattern.below.as_bytes() == above);
    known
        .find_map(|pattern| {
            let id = part
                .strip_prefix(pattern.prefix.as_bytes())?
                .strip_suffix(pattern.suffix.as_bytes())?;
            Some(Container {
                id: pattern.id.read(id)?,
                runtime: Some(pattern.runtime),
            })
        })
        .or_else(|| unit_taken_for_a_path(part))
}

fn unit_taken_for_a_path(part: &[u8]) -> Option<Container> {
    let mut pieces = part.split(|&byte| byte == b':');
    let (slice, prefix, id) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let &(_, runtime) = COLON_PREFIXES
        .iter()
        .find(|(known, _)| known.as_bytes() == prefix)?;
    let whole = pieces.next().is_none() && slice.ends_with(b".slice") && is_hash(id);
    whole.then(|| Container {
        id: id.into(),
        runtime: Some(runtime),
    })
}

impl Id {
    fn read(self, id: &[u8]) -> Option<Foreign> {
        match self {
            Self::Hash => is_hash(id).then(|| id.into()),
            Self::Name => (!id.is_empty()).then(|| id.into()),
            Self::Unit => {
                let name = unescaped(id);
                let other = |begin: &&str| name.starts_with(begin.as_bytes());
                let ours = !name.is_empty() && !NOT_NSPAWN.iter().any(other);
                ours.then(|| name.as_slice().into())
            }
        }
    }
}

/// Whether these are the 64 hexadecimal digits of a container's id.
fn is_hash(id: &[u8]) -> bool {
    id.len() == 64 && id.iter().all(|&byte| is_digit(byte))
}

/// Whether this is a hexadecimal digit as runtimes write them.
const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// A name as it was before `systemd-escape(1)`: `\xNN` are bytes.
fn unescaped(unit: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(unit.len());
    let mut rest = unit;
    while let Some((&first, after)) = rest.split_first() {
        let escaped = rest
            .strip_prefix(b"\\x")
            .and_then(|rest| rest.split_at_checked(2))
            .and_then(|(digits, rest)| Some((byte(digits)?, rest)));
        let (byte, after) = escaped.unwrap_or((first, after));
        name.push(byte);
        rest = after;
    }
    name
}

fn byte(digits: &[u8]) -> Option<u8> {
    let digits = str::from_utf8(digits).ok()?;
    let whole = digits.bytes().all(is_digit);
    whole.then(|| u8::from_str_radix(digits, 16).ok())?
}

/// The pod a part names: `[…]kubepods[-CLASS]-podUID.slice`, or `podUID` below `kubepods`.
fn pod(part: &[u8], in_kubepods: bool) -> Option<PodUid> {
    let part = str::from_utf8(part).ok()?;
    // The unit of a container that runc took for a path names its slice first.
    let (slice, _) = part.split_once(':').unwrap_or((part, ""));
    let uid = match slice.strip_suffix(".slice") {
        Some(slice) => {
            let (root, uid) = slice.rsplit_once("-pod")?;
            root.contains("kubepods").then(|| uid.replace('_', "-"))?
        }
        None if in_kubepods => slice.strip_prefix("pod")?.to_owned(),
        None => return None,
    };
    is_uid(uid.as_bytes()).then_some(PodUid(uid))
}

/// A UUID, or the 32 digits static pods have.
fn is_uid(uid: &[u8]) -> bool {
    let is_dash = |index: usize| uid.len() == 36 && matches!(index, 8 | 13 | 18 | 23);
    matches!(uid.len(), 32 | 36)
        && uid.iter().enumerate().all(|(index, &byte)| {
            if is_dash(index) {
                byte == b'-'
            } else {
                is_digit(byte)
            }
        })
}

#[cfg(test)]
mod tests;
