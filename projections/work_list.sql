-- A page is merged out of one short range for each step and category: what is asked for is read, nothing beside
-- it, and a province costs as much as a village. Order is by day over all lanes, so lane is not the first column.
CREATE INDEX duty_province ON duty (province, step, category, due, lane, household, subject, month);
CREATE INDEX duty_city ON duty (city, step, category, due, lane, household, subject, month);
CREATE INDEX duty_county ON duty (county, step, category, due, lane, household, subject, month);
CREATE INDEX duty_township ON duty (township, step, category, due, lane, household, subject, month);
CREATE INDEX duty_village ON duty (village, step, category, due, lane, household, subject, month);
CREATE INDEX duty_officer ON duty (officer, due, lane, household, step, subject, month) WHERE officer IS NOT NULL;
