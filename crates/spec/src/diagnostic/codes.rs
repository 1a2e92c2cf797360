//! The table of codes: what each means, why it matters, what to write.

use serde::{Serialize, Serializer};
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal, $why:literal, $fix:literal;)+) => {
        /// The stable code of a diagnostic.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code {
            $(#[doc = concat!("`", $code, "`: ", $title, ".")] $name,)+
        }

        impl Code {
            /// All codes, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as written: `ST0101`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// What it says, in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }

            /// Why it matters.
            #[must_use]
            pub const fn why(self) -> &'static str {
                match self { $(Self::$name => $why),+ }
            }

            /// What to write instead.
            #[must_use]
            pub const fn what_to_write(self) -> &'static str {
                match self { $(Self::$name => $fix),+ }
            }
        }
    };
}

codes! {
    Syntax = "ST0001", "the file is not YAML", "nothing in it can be checked, so nothing is loaded", "correct the YAML at the place shown; quote text that holds `: ` or starts with a sign";
    DuplicateKey = "ST0002", "a key stands twice", "two rules of one name, and a reader cannot know which holds", "rename or remove one of the two";
    Limit = "ST0003", "a limit is exceeded", "a spec is read in bounded time and memory, whoever wrote it", "split the file, or move long text into files of its own";
    Unsupported = "ST0004", "YAML that is not part of the language", "tags, several documents and mappings as keys make two readers see two specs", "write plain mappings, lists and scalars";

    UnknownKey = "ST0101", "an unknown key", "a misspelt control would be configured, green and inert", "use a key of the language; `docs/reference/spec.md` lists them";
    MissingKey = "ST0102", "a key is missing", "without it the element has no meaning", "add the key";
    WrongKind = "ST0103", "a value of another kind is wanted", "the value cannot be read as what the key means", "write the kind of value that the message names";
    UnknownWord = "ST0104", "a word that is none of those allowed", "a word with no meaning enforces nothing", "use one of the words listed";
    OutOfRange = "ST0105", "a number out of its range", "the number cannot hold for what it limits", "write a number within the range";
    BadSpan = "ST0106", "not a length of time", "a time limit that cannot be read limits nothing", "write a whole number and one of `ms s min h d w y`, as in `4h`";
    BadDate = "ST0107", "not a date", "an end that cannot be read never comes", "write a date as in `2027-01-31`";
    BadBar = "ST0108", "not a bar", "a bar that cannot be read is never missed", "write a comparison with a number in quotes, as in `\">= 0.95\"`";
    BadName = "ST0109", "not a name", "names become parts of paths and addresses", "use 1 to 64 lower-case letters, digits and `-`, starting with a letter";
    BadVersion = "ST0110", "not a version of the language that is understood", "another version may mean other things by the same words", "write `seatrial: 1`";
    NotEnforced = "ST0111", "this version does not enforce it", "what is configured and not enforced would be green and inert", "remove it, or wait for the version that enforces it";
    BadRegex = "ST0112", "not a regular expression", "a pattern that does not compile finds nothing", "correct the pattern; look-around and back-references are not supported";
    Empty = "ST0113", "text is missing", "an empty text tells the reader nothing", "write the text";

    UnknownRole = "ST0201", "an unknown role", "a question to nobody is never answered", "name a role of `roles`";
    UnknownType = "ST0202", "an unknown type", "expressions cannot be checked without it", "name a type of `types`";
    UnknownStep = "ST0203", "an unknown step", "the reference leads nowhere", "name a step of `steps`";
    UnknownThreshold = "ST0204", "an unknown threshold", "the reference leads nowhere", "name a threshold of `thresholds`";
    UnknownExamples = "ST0205", "an unknown example set", "the reference leads nowhere", "name a set of `examples`";
    UnknownProvider = "ST0206", "an unknown provider", "the model cannot be reached", "name a provider of `factory.yaml`";
    MatchesNothing = "ST0207", "a pattern that matches no element", "an approval over nothing approves nothing", "name paths of elements, such as `steps.*.never`";
    OutsideFolder = "ST0208", "a file outside the folder of the spec", "what is outside is not part of the spec and could change unseen", "move the file into the folder and name it relative to it";
    UnreadableFile = "ST0209", "a file cannot be read", "what it holds is part of the spec", "create the file, or correct its name";
    BadSchema = "ST0210", "not a JSON Schema", "values and expressions cannot be checked against it", "correct the schema (draft 2020-12)";
    BadExamples = "ST0211", "not an example set", "what cannot be read cannot be evaluated", "write one JSON object a line, each with `id` and `input`";
    UnknownField = "ST0212", "a field that the type does not have", "a path that leads nowhere withholds or reads nothing", "name a field of the schema";
    UnknownPerson = "ST0213", "an unknown person", "the reference leads nowhere", "name the id of a person of `people`";

    ExprSyntax = "ST0301", "not an expression", "what cannot be read is not enforced", "correct the expression (Common Expression Language)";
    ExprVariable = "ST0302", "an unknown variable", "the expression could never be evaluated", "use a variable that exists in this place";
    ExprFunction = "ST0303", "an unknown function", "the expression could never be evaluated", "use a function of the language";
    ExprField = "ST0304", "a field that the schema does not have", "the expression would fail on every case", "name a field of the schema, or add it there";
    ExprType = "ST0305", "types that do not fit", "the expression would fail on every case", "compare and combine values of one type";
    ExprEnum = "ST0306", "a value that the schema does not allow", "the comparison can never hold", "use one of the values that the schema allows";
    ExprOptional = "ST0307", "an optional field read without `has()`", "the expression fails on every case without that field", "write `has(x) && …` before it, or make the field required";
    ExprNull = "ST0308", "a value that may be null", "the expression fails on every case where it is null", "write `x != null && …` before it";
    ExprNotBool = "ST0309", "an expression that is not true or false", "a rule holds or does not hold; a number does neither", "write a condition";
    ExprConstant = "ST0310", "a rule that always or never holds", "by the bounds of the schema itself it can decide nothing: it is configured, green and inert", "correct the rule or the schema, or remove the rule";
    ExprArguments = "ST0311", "wrong arguments of a function", "the expression could never be evaluated", "call the function as the message shows";
    ExprTooLarge = "ST0312", "an expression that is too long or too deep", "expressions are evaluated in bounded time", "split the rule into several";

    NoEscalation = "ST0401", "AI decides and nobody can be asked", "a step that decides or acts without a way to escalate has only yes", "add `escalate`, or a rule with `else: escalate`";
    EmptyRole = "ST0402", "a role with nobody in it", "a question to an empty role is never answered", "give the role to a person in `factory.yaml`";
    IrreversiblePilot = "ST0403", "an irreversible act in pilot", "a pilot does nothing that cannot be taken back", "make it reversible, lower the influence, or run the pilot in shadow";
    ReceiverDelivers = "ST0404", "the receiving role is the delivery side", "a workflow handed over to those who built it has no new owner", "name a role held by people of the receiving side";
    NoCertificate = "ST0405", "a threshold without the settings of a certificate", "without them nobody can say how often it is wrong", "add `max_wrong`, `assurance`, `wrong_when` and `examples`";
    Shadowed = "ST0406", "an escalation that a wider one shadows", "it never decides anything, and its role is never asked", "remove it, or narrow the wider one";
    Contradiction = "ST0407", "a require and a forbid that contradict each other", "no output can ever pass", "correct one of the two";
    NoResponsibility = "ST0408", "a responsibility without an owner", "what nobody owns, nobody does", "name the delivery and the receiving role of all five";
    StreamWindow = "ST0409", "a check that cannot run on windows", "it needs the whole output, and part of it would have left already", "write `stream: buffer`, or remove the check";
    Unused = "ST0410", "nothing uses it", "what is not used controls nothing", "use it, or remove it";
    Incomplete = "ST0411", "the spec is incomplete", "a draft may be, a release may not", "add what the message names";
    ModifyWithoutSpans = "ST0412", "`modify` without spans", "an expression knows that something is wrong, not where", "use `detect`, or another `else`";
    NobodyToAsk = "ST0413", "an escalation to nobody", "the case would wait for ever", "add `to`, an `escalate` rule or a `fallback`";
    OpenQuestion = "ST0414", "a question without an owner", "a question that nobody owns stays open", "add `owner`";
    TooFewAudits = "ST0415", "too few audits to notice an error in time", "a certificate that nobody could see fail is watched in name only", "audit more, expect it later, or wait for outcomes that mature sooner";
    CannotRun = "ST0416", "a check that cannot run where its step is served", "it would be configured, shown green, and never run", "narrow `serves`, or use a check that runs there";
    NoJudge = "ST0417", "a step that cannot judge", "a judge that cannot be asked, or sees nothing of the output, judges nothing", "name another AI step with a model, whose input type is an object of `output` and, where wanted, `input`";

    UnknownQuestion = "ST0501", "an unknown question", "an answer to no question is read by nobody", "use an id of `docs/reference/questionnaire.md`; `seatrial questionnaire new` writes them all";
    NoArtifact = "ST0502", "a claim with no artifact behind it", "what nothing supports counts as no evidence", "name an artifact that can be opened, with its date and who stands for it, or claim `unknown`";
    WeakArtifact = "ST0503", "an artifact without a date or a person", "nobody can say whether it is of today, or whom to ask; it supports the claim in part only", "add `date` (as in `2026-11-23`) and `by`";
    StaleArtifact = "ST0504", "an artifact that is too old", "what was not looked at for so long describes another system; it supports the claim in part only", "name a newer one";
    MissingArtifact = "ST0505", "an artifact's file that is not there, or not the one that was named", "nobody can open it, so it supports nothing", "put the file beside the questionnaire and name it relative to it, or correct its `sha256`";
    FutureArtifact = "ST0506", "an artifact dated after the questionnaire", "what is yet to happen supports nothing", "correct the date, or answer again when it is there";
    Unanswered = "ST0507", "a question without an answer", "what is not answered counts as no evidence", "answer it, or claim `unknown`";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

/// The reference of all codes in Markdown, one section each: what the documentation shows.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from("# Diagnostics\n");
    for code in Code::ALL {
        let (title, why, fix) = (code.title(), code.why(), code.what_to_write());
        out.push_str(&format!("\n## {code}: {title}\n\nWhy it matters: {why}.\n\nWhat to write: {fix}.\n"));
    }
    out
}
