//! What endings are told together for, and where that goes.

use std::{fs::File, sync::Arc};

use crate::{
    latency::group::By,
    render::{
        latency::{PlotFile, Telling},
        report::Form,
    },
};

/// Where a report goes, and what it is of.
#[derive(Clone, Debug)]
pub(in crate::app) struct Reporting {
    pub(in crate::app) name: String,
    /// The page; `None` for text on standard output.
    pub(in crate::app) page: Option<Arc<File>>,
}

/// What endings are gathered for.
#[derive(Clone, Debug)]
pub(in crate::app) struct Gather {
    pub(in crate::app) by: By,
    pub(in crate::app) interval_ns: Option<u64>,
    pub(in crate::app) plot: Option<Arc<File>>,
}

impl Reporting {
    pub(super) const fn form(&self) -> Form {
        if self.page.is_some() {
            Form::Page
        } else {
            Form::Text
        }
    }
}

impl Gather {
    pub(super) fn telling(&self) -> Telling {
        let plot = self.plot.clone();
        Telling {
            by: self.by,
            interval_ns: self.interval_ns,
            plot: plot.map(|file| -> Box<dyn PlotFile> { Box::new(file) }),
        }
    }
}
