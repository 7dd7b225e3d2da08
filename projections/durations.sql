CREATE INDEX finished_household ON finished (lane, household);
CREATE INDEX running_province ON running (lane, province, stage, since);
CREATE INDEX running_city ON running (lane, city, stage, since);
CREATE INDEX running_county ON running (lane, county, stage, since);
CREATE INDEX running_township ON running (lane, township, stage, since);
CREATE INDEX running_village ON running (lane, village, stage, since);
