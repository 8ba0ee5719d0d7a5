// The page of a link that shares a task: its time as the reader's browser writes it.

import { element } from "../dom.js";
import { moment } from "../format.js";

const until = element("until");
if (until !== null) until.textContent = moment(until.dateTime);
