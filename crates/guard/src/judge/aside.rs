//! What judging steps are asked, and what they said.

use super::checks::{Run, conforms};
use super::codes;
use crate::candidate::{Aside, Judged, Part};
use crate::program::{JudgeProgram, StepProgram};
use seatrial_model::facts::FindingResult;
use serde_json::{Map, Value};

/// Between a judging step and the number of the output that it judges, in [`Aside::judged`]: `check#1` of the second.
const KEY_SEPARATOR: char = '#';

/// The longest code of a failure that is taken over into a finding.
const CODE_BYTES_MAX: usize = 64;

/// One question to a judging step.
#[derive(Clone, PartialEq, Debug)]
pub struct JudgeAsk {
    /// Where the answer belongs in [`Aside::judged`]: the step's name for the first output, `NAME#1` for the second.
    pub key: String,
    /// The judging step.
    pub step: String,
    /// Its input: `{ input, output }`, as far as its input type names them. What the judged step withholds from its
    /// model is withheld from the judge.
    pub input: Value,
}

fn key(step: &str, output: usize) -> String {
    if output == 0 { step.to_owned() } else { format!("{step}{KEY_SEPARATOR}{output}") }
}

impl StepProgram {
    /// What judges are asked about these parts: each judge about each output that conforms to its type. Nothing where
    /// the step has no judges, or where nothing but tools is called.
    #[must_use]
    pub fn judge_asks(&self, input: &Value, parts: &[Part]) -> Vec<JudgeAsk> {
        if self.judges.is_empty() {
            return Vec::new();
        }
        let nothing = Aside::default();
        let run = Run::new(self, input, parts, &nothing);
        let seen = self.withhold(input);
        let conforming = run.conforming();
        let of = |judge: &JudgeProgram, (i, output): &(usize, &Value)| {
            let mut asked = Map::new();
            if judge.asks.input {
                asked.insert("input".to_owned(), seen.clone());
            }
            if judge.asks.output {
                asked.insert("output".to_owned(), (*output).clone());
            }
            JudgeAsk { key: key(&judge.step, *i), step: judge.step.clone(), input: Value::Object(asked) }
        };
        conforming.iter().flat_map(|output| self.judges.iter().map(move |judge| of(judge, output))).collect()
    }
}

/// What a judge said of an output, or the code of why it said nothing.
pub(super) fn said<'a>(judge: &JudgeProgram, output: usize, aside: &'a Aside) -> Result<&'a Value, String> {
    match aside.judged.get(&key(&judge.step, output)) {
        None => Err(codes::NOT_JUDGED.to_owned()),
        Some(Judged::Failed(code)) => {
            let is_code = (1..=CODE_BYTES_MAX).contains(&code.len())
                && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            // What is no code could be text of a model's.
            Err(if is_code { code.clone() } else { codes::JUDGE_FAILED.to_owned() })
        }
        Some(Judged::Said(value)) => match conforms(&judge.output, value) {
            Ok(()) => Ok(value),
            Err((FindingResult::NotRun, code)) => Err(code),
            Err(_) => Err(codes::JUDGE_SCHEMA.to_owned()),
        },
    }
}
