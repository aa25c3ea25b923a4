//! Debian's archive, read without touching the machine's own package lists.
//!
//! A private root of apt: own sources, lists and cache. Mirror, proxy and time-outs are copied
//! from the machine's configuration; signatures are checked against the installed Debian keyring.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// The keys Debian signs its archive with, as its package `debian-archive-keyring` installs them.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Releases whose kernels the matrix tests, of the archive and of its security updates.
const SUITES: &[&str] = &[
    "bullseye",
    "bookworm",
    "bookworm-backports",
    "trixie",
    "sid",
];
const SECURITY_SUITES: &[&str] = &["bullseye-security", "bookworm-security", "trixie-security"];

/// The archive, ready to be searched.
#[derive(Debug)]
pub(super) struct Apt {
    configuration: PathBuf,
    complaint: Option<String>,
}

impl Apt {
    /// Writes the private root and refreshes its lists.
    ///
    /// A release that cannot be read is no error here: others may have what is looked for.
    ///
    /// # Errors
    /// When there is no apt or no Debian keyring, or the root cannot be written.
    pub(super) fn open(root: &Path) -> Result<Self> {
        if !Path::new(KEYRING).is_file() {
            bail!("there is no {KEYRING} to check signatures with");
        }
        for directory in [
            "etc/apt.conf.d",
            "etc/preferences.d",
            "lists/partial",
            "archives/partial",
        ] {
            fs::create_dir_all(root.join(directory))?;
        }
        fs::write(root.join("status"), "")?;
        fs::write(
            root.join("etc/sources.list"),
            sources(&mirrors(&machine_sources())),
        )?;
        let acquire = shell::read(&mut shell::program("apt-config", &["dump"]))?;
        let configuration = root.join("apt.conf");
        fs::write(&configuration, settings(root, &acquire))?;
        let mut apt = Self {
            configuration,
            complaint: None,
        };
        apt.complaint = shell::read(
            apt.program("apt-get", &["update", "--quiet"])
                .current_dir(root),
        )
        .err()
        .map(|error| format!("{error:#}"));
        Ok(apt)
    }

    /// What went wrong while the lists were read, to be added to another message.
    pub(super) fn complaint(&self) -> String {
        self.complaint
            .as_ref()
            .map(|complaint| format!(" ({complaint})"))
            .unwrap_or_default()
    }

    /// Names of packages that match a pattern, the newest version first.
    ///
    /// # Errors
    /// When apt does not answer.
    pub(super) fn search(&self, pattern: &str) -> Result<Vec<String>> {
        let found =
            shell::read(&mut self.program("apt-cache", &["search", "--names-only", pattern]))?;
        let mut names: Vec<String> = found
            .lines()
            .filter_map(|line| line.split(' ').next())
            .map(str::to_owned)
            .collect();
        names.sort_by_key(|name| std::cmp::Reverse(numbers(name)));
        names.dedup();
        Ok(names)
    }

    /// Downloads a package into a directory.
    ///
    /// # Errors
    /// When the archive does not have it, or its signature or checksum is wrong.
    pub(super) fn download(&self, package: &str, into: &Path) -> Result<()> {
        shell::read(
            self.program("apt-get", &["download", "--quiet", package])
                .current_dir(into),
        )
        .with_context(|| format!("cannot download {package}"))
        .map(drop)
    }

    fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = shell::program(name, arguments);
        command.env("APT_CONFIG", &self.configuration);
        command
    }
}

/// The numbers in a name, which order kernels as people do: 6.1.0-9 before 6.1.0-56.
fn numbers(name: &str) -> Vec<u64> {
    name.split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

/// Configuration of the private root, with what the machine says about fetching.
fn settings(root: &Path, machine: &str) -> String {
    let root = root.display();
    let own = format!(
        "Dir \"{root}\";\nDir::Etc \"{root}/etc\";\nDir::Etc::sourcelist \"{root}/etc/sources.list\";\n\
         Dir::Etc::parts \"{root}/etc/apt.conf.d\";\nDir::Etc::sourceparts \"/dev/null\";\n\
         Dir::State \"{root}\";\nDir::State::lists \"{root}/lists\";\n\
         Dir::State::status \"{root}/status\";\nDir::Cache \"{root}\";\n\
         Dir::Cache::archives \"{root}/archives\";\nDir::Log \"{root}\";\n\
         APT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; }};\n\
         APT::Sandbox::User \"root\";\n"
    );
    let fetching =
        |line: &&str| line.starts_with("Acquire::") && !line.starts_with("Acquire::IndexTargets");
    machine
        .lines()
        .filter(fetching)
        .fold(own, |text, line| text + line + "\n")
}

/// Addresses of the archive and of its security updates.
#[derive(Debug, PartialEq, Eq)]
struct Mirrors {
    archive: String,
    security: String,
}

/// Everything the machine's lists of sources say.
fn machine_sources() -> String {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The first mirrors named in lists of sources, old style or new; else Debian's own.
fn mirrors(sources: &str) -> Mirrors {
    let addresses = || {
        sources
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(str::split_whitespace)
            .filter(|word| word.contains(":/"))
            .map(|word| word.trim_end_matches('/'))
    };
    let ending = |end: &str| {
        addresses()
            .find(|address| address.ends_with(end))
            .map(str::to_owned)
    };
    let archive = ending("/debian").unwrap_or_else(|| "http://deb.debian.org/debian".to_owned());
    let security = ending("/debian-security").unwrap_or_else(|| format!("{archive}-security"));
    Mirrors { archive, security }
}

fn sources(mirrors: &Mirrors) -> String {
    let line =
        |mirror: &str, suite: &str| format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n");
    let archive = SUITES.iter().map(|suite| line(&mirrors.archive, suite));
    let security = SECURITY_SUITES
        .iter()
        .map(|suite| line(&mirrors.security, suite));
    archive.chain(security).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_found_in_both_styles_of_sources() {
        let expected = Mirrors {
            archive: "http://mirror.example/debian".to_owned(),
            security: "http://mirror.example/debian-security".to_owned(),
        };
        let old = "# deb http://old.example/debian sid main\n\
                   deb [arch=amd64] http://mirror.example/debian/ bookworm main\n\
                   deb http://mirror.example/debian-security bookworm-security main\n";
        let new = "Types: deb\n# http://old.example/debian\nURIs: http://mirror.example/debian\n\
                   \nURIs: http://mirror.example/debian-security/\n";
        assert_eq!(mirrors(old), expected);
        assert_eq!(mirrors(new), expected);
    }

    #[test]
    fn a_machine_without_debian_sources_asks_debian() {
        assert_eq!(mirrors("").archive, "http://deb.debian.org/debian");
        assert_eq!(
            mirrors("").security,
            "http://deb.debian.org/debian-security"
        );
    }

    #[test]
    fn a_later_kernel_counts_as_newer_whatever_its_digits() {
        let newer = [
            ("linux-image-6.1.0-56-cloud", "linux-image-6.1.0-9-cloud"),
            (
                "linux-image-6.1.0-56-cloud",
                "linux-image-6.1.0-0.deb11.52-cloud",
            ),
            (
                "linux-image-6.12.117+deb13-cloud",
                "linux-image-6.12.95+deb13-cloud",
            ),
            (
                "linux-image-6.12.115+deb13.1-cloud",
                "linux-image-6.12.115+deb13-cloud",
            ),
        ];
        for (newer, older) in newer {
            assert!(numbers(newer) > numbers(older), "{newer} {older}");
        }
    }

    #[test]
    fn only_settings_about_fetching_are_taken_over() {
        let machine = "Acquire::http::Proxy \"http://proxy:3128\";\nDir::Etc \"etc/apt\";\n\
                       Acquire::IndexTargets::deb::DEP-11 \"\";\n";
        let text = settings(Path::new("/cache"), machine);
        assert!(text.contains("proxy:3128"));
        assert!(!text.contains("etc/apt\";") && !text.contains("DEP-11"));
    }
}
