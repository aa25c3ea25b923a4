//! The kernels of the matrix, fetched once and kept under `target/vm`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::apt::Apt;
use crate::{shell, tally::Skip};

/// One line of stable kernels, of which the newest packaged one is tested.
#[derive(Debug)]
pub(crate) struct Series {
    /// What one types, and the directory under `target/vm`.
    pub(crate) name: &'static str,
    /// A pattern of apt for the packages that have a kernel image of it.
    image: &'static str,
}

/// The matrix: the oldest kernel supported, the long-term ones, and Debian unstable's.
pub(crate) const SERIES: &[Series] = &[
    Series {
        name: "5.10",
        image: r"^linux-image-5\.10\..*-cloud-amd64-unsigned$",
    },
    Series {
        name: "6.1",
        image: r"^linux-image-6\.1\..*-cloud-amd64-unsigned$",
    },
    Series {
        name: "6.12",
        image: r"^linux-image-6\.12\..*-cloud-amd64-unsigned$",
    },
    Series {
        name: "newest",
        image: r"^linux-binary-[0-9].*-cloud-amd64$",
    },
];

/// The names one may type.
pub(crate) fn names() -> Vec<&'static str> {
    SERIES.iter().map(|series| series.name).collect()
}

/// A kernel ready to boot.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// Its `uname -r`.
    pub(crate) release: String,
    /// Everything kept of it.
    pub(crate) directory: PathBuf,
}

impl Kernel {
    /// The kernel of a series, fetched from Debian unless an earlier run did.
    ///
    /// # Errors
    /// A [`Skip`] when it cannot be fetched or unpacked, with the reason.
    pub(crate) fn provide(series: &Series, cache: &Path) -> Result<Self> {
        let directory = cache.join(series.name);
        if !directory.join("release").is_file() {
            fetch(series, cache, &directory)
                .map_err(|error| Skip(format!("cannot fetch the kernel: {error:#}")))?;
        }
        let release = fs::read_to_string(directory.join("release"))?
            .trim()
            .to_owned();
        Ok(Self { release, directory })
    }

    /// The bootable image.
    pub(crate) fn image(&self) -> PathBuf {
        self.directory.join("vmlinuz")
    }

    /// The directory of its modules.
    pub(crate) fn modules(&self) -> PathBuf {
        self.directory.join("modules")
    }

    /// The file a guest writes its BTF to, compressed.
    pub(crate) fn btf_from_guest(&self) -> PathBuf {
        self.directory.join("btf.gz")
    }

    /// True once the kernel's BTF is kept.
    pub(crate) fn has_btf(&self) -> bool {
        self.directory.join("btf").is_file()
    }

    /// Keeps what the guest wrote as `btf`, for tests that read it on the host.
    ///
    /// # Errors
    /// When the guest wrote nothing, or not a whole compressed file (its checksum tells).
    pub(crate) fn keep_btf(&self) -> Result<()> {
        if self.has_btf() {
            return Ok(());
        }
        let file = fs::File::open(self.btf_from_guest())?;
        let mut btf = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(file), &mut btf)
            .context("the guest did not write all of its BTF")?;
        fs::write(self.directory.join("btf"), &btf)?;
        eprintln!("kept {} bytes of BTF of {}", btf.len(), self.release);
        Ok(fs::remove_file(self.btf_from_guest())?)
    }
}

/// Fetches the newest kernel that can be fetched, and leaves `release`, `vmlinuz` and `modules`.
///
/// An archive may still list a kernel it no longer has: then the next newest is tried.
fn fetch(series: &Series, cache: &Path, directory: &Path) -> Result<()> {
    if !cfg!(target_arch = "x86_64") {
        bail!("the kernels of the matrix are built for x86_64");
    }
    let apt = Apt::open(&cache.join("apt"))?;
    let mut refused = Vec::new();
    for package in apt.search(series.image)? {
        eprintln!("fetching {package}");
        match fetch_package(&apt, &package, directory) {
            Ok(()) => return Ok(()),
            Err(error) => {
                eprintln!("{error:#}");
                refused.push(format!("{error:#}"));
            }
        }
    }
    match refused.first() {
        None => bail!(
            "the archive has no package like {}{}",
            series.image,
            apt.complaint()
        ),
        Some(first) => bail!("{first} (and {} more)", refused.len() - 1),
    }
}

fn fetch_package(apt: &Apt, package: &str, directory: &Path) -> Result<()> {
    let work = directory.with_extension("part");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    apt.download(package, &work)?;
    // Newer kernels ship their modules apart from the image.
    if let Some(rest) = package.strip_prefix("linux-binary-") {
        apt.download(&format!("linux-modules-{rest}"), &work)?;
    }
    let tree = work.join("tree");
    for entry in fs::read_dir(&work)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            shell::read(shell::program("dpkg-deb", &["--extract"]).args([&path, &tree]))?;
            fs::remove_file(&path)?;
        }
    }
    arrange(&work, &tree).with_context(|| format!("{package} is laid out unlike its kind"))?;
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    Ok(fs::rename(&work, directory)?)
}

/// Moves image and modules out of an unpacked package to where [`Kernel`] looks for them.
fn arrange(work: &Path, tree: &Path) -> Result<()> {
    let modules = ["lib/modules", "usr/lib/modules"].map(|place| tree.join(place));
    let modules = modules
        .into_iter()
        .find(|place| place.is_dir())
        .context("no modules")?;
    let modules = fs::read_dir(modules)?
        .next()
        .context("no directory of modules")??;
    let release = modules.file_name().to_string_lossy().into_owned();
    let images = [
        tree.join(format!("boot/vmlinuz-{release}")),
        modules.path().join("vmlinuz"),
    ];
    let image = images
        .into_iter()
        .find(|image| image.is_file())
        .context("no image")?;
    fs::rename(image, work.join("vmlinuz"))?;
    fs::rename(modules.path(), work.join("modules"))?;
    fs::remove_dir_all(tree)?;
    Ok(fs::write(work.join("release"), release)?)
}
