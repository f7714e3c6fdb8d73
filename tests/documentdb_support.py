"""What Amazon DocumentDB 8.0 supports, of what the product sends.

Sources, all Amazon's, read as of engine version 8.0.2 (never tried on a live cluster: docs/decisions/0006):

- *APIs*: "Supported MongoDB APIs, operations, and data types in Amazon DocumentDB"
  https://docs.aws.amazon.com/documentdb/latest/developerguide/mongo-apis.html
- *Differences*: "Functional differences: Amazon DocumentDB and MongoDB"
  https://docs.aws.amazon.com/documentdb/latest/developerguide/functional-differences.html
- *Retries*: "Retryable writes in Amazon DocumentDB"
  https://docs.aws.amazon.com/documentdb/latest/developerguide/retryable-writes.html
- *Tool*: Amazon's own table of operators for 3.6 to 5.0, awslabs/amazon-documentdb-tools, compat-tool/compat.py

Rows that say APIs are in that page's tables of 5.0; they were not all read again in the one of 8.0.
UNVERIFIED is for what those pages say nothing of: it passes, and is named in the decision page. REFUSED is for
what is supported in part, or at a price that we do not pay: it fails, as what is not supported does.
"""

from typing import Literal, NamedTuple

Support = Literal["yes", "no", "unverified", "refused"]
YES: Support = "yes"
NO: Support = "no"
UNVERIFIED: Support = "unverified"
REFUSED: Support = "refused"


class Row(NamedTuple):
    """One command, option or operator. ``name`` is prefixed by where it stands."""

    name: str
    supported: Support
    note: str


# fmt: off
_TABLE = (
    # Commands, and the options of each that is not in every command
    Row("command hello",                YES, "APIs; the driver's greeting"),
    Row("command buildinfo",            YES, "APIs; the backend asks for 6.0 at least, engine 8.0 answers that"),
    Row("command endSessions",          UNVERIFIED, "on closing; drivers ignore a refusal, sessions end after 30 min"),
    Row("command ping",                 YES, "APIs"),
    Row("command find",                 YES, "APIs"),
    Row("command aggregate",            YES, "APIs"),
    Row("command count",                YES, "APIs"),
    Row("command distinct",             YES, "APIs"),
    Row("command getMore",              YES, "APIs"),
    Row("command killCursors",          YES, "APIs"),
    Row("command insert",               YES, "APIs"),
    Row("command update",               YES, "APIs"),
    Row("command delete",               YES, "APIs"),
    Row("command findAndModify",        YES, "APIs"),
    Row("command commitTransaction",    YES, "APIs; at most a minute and 32 MB"),
    Row("command abortTransaction",     YES, "APIs"),
    Row("command create",               YES, "APIs"),
    Row("command drop",                 YES, "APIs"),
    Row("command dropDatabase",         YES, "APIs; only tests send it"),
    Row("command createIndexes",        YES, "APIs"),
    Row("command dropIndexes",          YES, "APIs"),
    Row("command listIndexes",          YES, "APIs"),
    Row("command listCollections",      YES, "APIs; its filter may not name a type"),
    Row("command listDatabases",        YES, "APIs"),
    Row("command collMod",              REFUSED, "APIs; in part"),
    Row("command mapReduce",            NO,  "APIs"),
    # Options of commands
    Row("option filter",                YES, "APIs"),
    Row("option query",                 YES, "APIs"),
    Row("option key",                   YES, "APIs; of distinct"),
    Row("option sort",                  YES, "APIs"),
    Row("option limit",                 YES, "APIs"),
    Row("option skip",                  YES, "APIs"),
    Row("option projection",            YES, "APIs"),
    Row("option singleBatch",           YES, "APIs"),
    Row("option batchSize",             YES, "APIs"),
    Row("option cursor",                YES, "APIs"),
    Row("option pipeline",              YES, "APIs"),
    Row("option collection",            YES, "APIs; of getMore"),
    Row("option cursors",               YES, "APIs; of killCursors"),
    Row("option documents",             YES, "APIs"),
    Row("option updates",               YES, "APIs"),
    Row("option deletes",               YES, "APIs"),
    Row("option indexes",               YES, "APIs"),
    Row("option index",                 YES, "APIs; of dropIndexes"),
    Row("option nameOnly",              YES, "APIs; of listCollections"),
    Row("option authorizedCollections", UNVERIFIED, "of listCollections; the pages do not name it"),
    Row("option ordered",               YES, "APIs"),
    Row("option maxTimeMS",             YES, "Differences; not for cursors that wait"),
    Row("option writeConcern",          YES, "APIs"),
    Row("option readConcern",           YES, "APIs"),
    Row("option lsid",                  YES, "APIs; sessions since 4.0"),
    Row("option txnNumber",             YES, "Retries; alone since 8.0.2; before, set retryWrites=false"),
    Row("option startTransaction",      YES, "APIs"),
    Row("option autocommit",            YES, "APIs"),
    Row("option recoveryToken",         UNVERIFIED, "only a sharded server is sent one"),
    Row("option comment",               YES, "APIs"),
    # Parts of updates and deletes
    Row("statement q",                  YES, "APIs"),
    Row("statement u",                  YES, "APIs"),
    Row("statement multi",              YES, "APIs"),
    Row("statement upsert",             YES, "APIs"),
    Row("statement limit",              YES, "APIs"),
    Row("statement pipeline update",    NO,  "a change written as a list of stages: no page names it"),
    # Parts of an index
    Row("index key",                    YES, "APIs"),
    Row("index name",                   YES, "APIs"),
    Row("index unique",                 YES, "APIs"),
    Row("index partialFilterExpression", YES, "APIs; since 5.0, with the operators below"),
    Row("index sparse",                 YES, "APIs"),
    Row("index expireAfterSeconds",     YES, "APIs"),
    # Operators of updates
    Row("update $set",                  YES, "APIs"),
    Row("update $unset",                YES, "APIs"),
    Row("update $inc",                  YES, "APIs"),
    # Operators of conditions
    Row("query $and",                   YES, "APIs"),
    Row("query $or",                    YES, "APIs"),
    Row("query $nor",                   YES, "APIs"),
    Row("query $not",                   YES, "APIs"),
    Row("query $eq",                    YES, "APIs"),
    Row("query $ne",                    YES, "APIs"),
    Row("query $in",                    YES, "APIs"),
    Row("query $nin",                   YES, "APIs"),
    Row("query $gt",                    YES, "APIs"),
    Row("query $gte",                   YES, "APIs"),
    Row("query $lt",                    YES, "APIs"),
    Row("query $lte",                   YES, "APIs"),
    Row("query $exists",                YES, "APIs"),
    Row("query $type",                  YES, "APIs"),
    Row("query $regex",                 YES, "APIs; no list of staff uses it"),
    Row("query $expr",                  REFUSED, "APIs; since 4.0, but its expressions in part, and no index helps it"),
    Row("partial $type",                NO,  "Partial indexes take $eq, $exists, $and, $gt, $gte, $lt, $lte"),
    Row("partial $and",                 YES, "APIs"),
    Row("partial $eq",                  YES, "APIs"),
    Row("partial $exists",              YES, "APIs"),
    Row("partial $gt",                  YES, "APIs"),
    # Stages
    Row("stage $match",                 YES, "APIs"),
    Row("stage $sort",                  YES, "APIs"),
    Row("stage $skip",                  YES, "APIs"),
    Row("stage $limit",                 YES, "APIs"),
    Row("stage $project",               YES, "APIs"),
    Row("stage $group",                 YES, "APIs"),
    Row("stage $unwind",                YES, "APIs"),
    Row("stage $addFields",             YES, "APIs"),
    Row("stage $set",                   YES, "APIs; since 8.0"),
    Row("stage $unset",                 YES, "APIs; since 8.0"),
    Row("stage $replaceRoot",           YES, "APIs"),
    Row("stage $count",                 YES, "APIs"),
    Row("stage $lookup",                YES, "APIs; two fields, or let and pipeline"),
    Row("stage $lookup of fields and a pipeline", NO, "MongoDB 5.0's concise form: no page names it"),
    Row("stage $facet",                 NO,  "APIs"),
    Row("stage $unionWith",             NO,  "APIs"),
    Row("stage $setWindowFields",       NO,  "APIs"),
    Row("stage $graphLookup",           NO,  "APIs"),
    Row("stage $documents",             NO,  "APIs"),
    # Expressions
    Row("expression $literal",          YES, "APIs"),
    Row("expression $sum",              YES, "APIs"),
    Row("expression $min",              YES, "APIs"),
    Row("expression $max",              YES, "APIs"),
    Row("expression $avg",              YES, "APIs"),
    Row("expression $first",            YES, "APIs"),
    Row("expression $push",             YES, "APIs"),
    Row("expression $addToSet",         YES, "APIs"),
    Row("expression $size",             YES, "APIs"),
    Row("expression $cond",             YES, "APIs"),
    Row("expression $ifNull",           YES, "APIs"),
    Row("expression $eq",               YES, "APIs"),
    Row("expression $in",               YES, "APIs"),
    Row("expression $type",             YES, "APIs"),
    Row("expression $and",              YES, "APIs"),
    Row("expression $or",               YES, "APIs"),
    Row("expression $not",              YES, "APIs"),
    Row("expression $add",              YES, "APIs"),
    Row("expression $subtract",         YES, "APIs"),
    Row("expression $arrayElemAt",      YES, "APIs"),
    Row("expression $getField",         NO,  "Tool; not on the page of 8.0 either"),
    Row("expression $regexMatch",       YES, "APIs; since 5.0"),
)
# fmt: on
SUPPORT = {row.name: row for row in _TABLE}
