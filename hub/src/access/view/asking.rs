//! What the loop is asked of an application that the asker sees.

use super::View;
use crate::details::Details;
use crate::questions::Decided;
use crate::rendered::{Renderings, Wanted};
use crate::ui::application::records::Answers;
use shipper_core::AppKey;
use shipper_core::why::Why;
use shipper_git::Oid;
use tokio::sync::oneshot;

impl View {
    /// Asks the loop why an application is as it is. The outer `None`: the application is not known; the inner: too many ask already.
    pub fn ask_why(&self, application: &AppKey) -> Option<Option<oneshot::Receiver<Option<Why>>>> {
        self.sees(application).then(|| self.shared.questions.ask(application.clone()))
    }

    /// Asks the loop whether what was said of an application rests on a commit; `None` where it is not seen, or too many ask already.
    pub fn ask_decided(&self, application: &AppKey, commit: Oid) -> Option<oneshot::Receiver<Option<bool>>> {
        let about = Decided { application: application.clone(), commit };
        self.find(application).and_then(|_| self.shared.decided.ask(about))
    }

    /// Asks the loop what the records hold of an application; `None` where it is not seen, or too many ask already.
    pub fn ask_details(&self, application: &AppKey) -> Option<oneshot::Receiver<Option<Details>>> {
        self.find(application).and_then(|_| self.shared.details.ask(application.clone()))
    }

    /// Asks the loop what was rendered of releases; `None` where the application is not seen, or too many ask already.
    pub fn ask_rendered(&self, wanted: Wanted) -> Option<oneshot::Receiver<Option<Renderings>>> {
        self.find(&wanted.application).and_then(|_| self.shared.rendered.ask(wanted))
    }

    /// What the loop last answered of an application.
    pub fn answers(&self, application: &AppKey) -> Option<&Answers> {
        self.find(application).map(|_| &self.shared.answers)
    }
}
