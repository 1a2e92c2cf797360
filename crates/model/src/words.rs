//! The design's words that are enumerations.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! word {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// All, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as written.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(s: &str) -> Result<Self, String> {
                match s {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!("`{}` is none of {}", s.chars().take(80).collect::<String>(), [$(concat!("`", $text, "`")),+].join(", "))),
                }
            }
        }
    };
}

word!(
    /// What the guard concluded. Ordered: the strictest is the greatest, and the strictest wins.
    Verdict {
        /// The output may pass.
        Allow = "allow",
        /// It may pass, and somebody should look.
        Warn = "warn",
        /// It may pass after redaction.
        Modify = "modify",
        /// A person has to answer first.
        Escalate = "escalate",
        /// It may not pass.
        Deny = "deny",
    }
);
word!(
    /// What was then done with the output.
    Action {
        /// It was released.
        Allow = "allow",
        /// It was withheld for good.
        Block = "block",
        /// It was changed and released.
        Modify = "modify",
        /// It is held until a person answers.
        Escalate = "escalate",
        /// The caller holds the output and was advised; its effect is reported later.
        Advised = "advised",
    }
);
word!(
    /// What a client and a model speak with each other.
    Protocol {
        /// OpenAI chat completions.
        OpenAiChat = "chat",
        /// OpenAI responses.
        OpenAiResponses = "responses",
        /// Anthropic messages.
        AnthropicMessages = "messages",
    }
);
word!(
    /// How a stream that was released in windows ended.
    StreamEnd {
        /// All of it left.
        Complete = "complete",
        /// A check objected: what came behind did not leave.
        Violated = "violated",
        /// A stop cut it.
        Stopped = "stopped",
        /// The client hung up; the model was cancelled.
        ClientGone = "client-gone",
        /// The model broke off, or wrote what cannot be read.
        ModelFailed = "model-failed",
        /// It took longer than the step allows.
        TimedOut = "timed-out",
    }
);
word!(
    /// Where a workflow is in its delivery.
    Stage {
        /// Nothing is served but in rehearsal.
        Draft = "draft",
        /// Bounded: an end, a ceiling, everything reviewed.
        Pilot = "pilot",
        /// Released for production.
        Production = "production",
        /// In production, and owned: the handover gate is passed.
        Owned = "owned",
        /// No longer served.
        Retired = "retired",
    }
);
word!(
    /// How far AI may reach in a step.
    Influence {
        /// Shows something.
        Inform = "inform",
        /// Proposes; a person decides.
        Suggest = "suggest",
        /// Decides.
        Decide = "decide",
        /// Decides and acts.
        Act = "act",
    }
);
word!(
    /// The risk tier that the spec names.
    Tier {
        /// Little at stake.
        Minimal = "minimal",
        /// Something at stake.
        Limited = "limited",
        /// People's rights or livelihoods at stake.
        High = "high",
    }
);
word!(
    /// The delivery layers, and the assessment above them.
    Layer {
        /// Specification is a delivery system.
        Spec = "spec",
        /// Sprints are organised around learning and control.
        Sprint = "sprint",
        /// Governance is embedded in delivery.
        Governance = "governance",
        /// Runtime controls are part of the product.
        Runtime = "runtime",
        /// Ownership transfer is built in.
        Ownership = "ownership",
    }
);
word!(
    /// How bad an incident is.
    IncidentSeverity {
        /// Nobody was harmed, and nothing left that should not have.
        Low = "low",
        /// Something left that should not have; it can be taken back.
        Medium = "medium",
        /// People were harmed, or it cannot be taken back.
        High = "high",
        /// It goes on, or its reach is not known.
        Critical = "critical",
    }
);
word!(
    /// What was decided in an incident.
    IncidentCourse {
        /// The workflow, or a step, is stopped.
        Stop = "stop",
        /// It goes on as it is.
        GoOn = "go-on",
    }
);
word!(
    /// A person's answer to a review.
    Answer {
        /// The output is released as it is.
        Accept = "accept",
        /// The person's corrected output is released.
        Edit = "edit",
        /// Nothing is released.
        Reject = "reject",
        /// A decision of the person's own, where `never` forbids releasing the AI's.
        Own = "own",
    }
);
word!(
    /// Of which kind a factory is, for ever.
    FactoryKind {
        /// A real organisation.
        Real = "real",
        /// A demo or a training: everything it signs says so.
        Simulation = "simulation",
    }
);

impl Stage {
    /// The stage whose measures hold: what is owned is in production, and answers for all that production asks.
    #[must_use]
    pub const fn measure(self) -> Self {
        match self {
            Self::Owned => Self::Production,
            other => other,
        }
    }

    /// Whether real cases are served under it without a pilot's bounds.
    #[must_use]
    pub const fn in_production(self) -> bool {
        matches!(self, Self::Production | Self::Owned)
    }
}
