//! Checks of an input.

use super::checks::{Said, conforms, finding, is_grounded, search};
use crate::expr::Bindings;
use crate::json::{self, TEXT_BYTES_MAX};
use crate::program::{CheckProgram, StepProgram};
use seatrial_model::Finding;
use seatrial_model::facts::{CheckKind, FindingResult};
use serde_json::Value;

/// Findings on an input.
pub(super) fn findings(program: &StepProgram, input: &Value) -> Vec<Finding> {
    let mut out = Vec::with_capacity(program.refuse.len() + 1);
    let (nodes, bytes) = json::weight(input);
    let too_large = nodes > json::NODES_MAX || bytes > TEXT_BYTES_MAX;
    if program.input.schema.is_some() {
        let result = if too_large {
            Err((FindingResult::NotRun, "too_large".to_owned()))
        } else {
            conforms(&program.input, input)
        };
        let (result, code) = result.err().unwrap_or((FindingResult::Met, String::new()));
        let path = program.input.path.clone();
        out.push(Finding { path, kind: CheckKind::Schema, result, code, spans: Vec::new() });
    }
    let mut values = Bindings::default();
    let bound = if too_large {
        Err("too_large")
    } else {
        values.input(&program.input.shape, input).map_err(|_| "integer_range")
    };
    out.extend(program.refuse.iter().map(|rule| {
        let said = match (bound, &rule.check) {
            (Err(code), _) => Err(code.to_owned()),
            (Ok(()), CheckProgram::Expr(expr)) => {
                expr.holds(&values).map(|holds| Said { holds, ..Said::default() }).map_err(|f| f.code().to_owned())
            }
            (Ok(()), CheckProgram::Detect { detectors, within }) => {
                let names = within.as_ref().map_or(&[][..], |f| f.names.as_slice());
                let mut said = Said::default();
                search(detectors, &program.input.shape, input, names, "", &mut said);
                Ok(said)
            }
            (Ok(()), CheckProgram::Grounded { quote, within }) => {
                is_grounded(quote, within, input, input).map(|holds| Said { holds, ..Said::default() })
            }
            // No checks of an input.
            (Ok(()), CheckProgram::Tools | CheckProgram::Arguments | CheckProgram::Judge { .. }) => {
                Err("no_check".to_owned())
            }
        };
        finding(rule, said)
    }));
    out
}
