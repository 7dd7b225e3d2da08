-- A list is one range of its place's index, in the order of lanes and households, whatever the place's breadth.
CREATE INDEX card_province ON card (province, lane, household);
CREATE INDEX card_city ON card (city, lane, household);
CREATE INDEX card_county ON card (county, lane, household);
CREATE INDEX card_township ON card (township, lane, household);
CREATE INDEX card_village ON card (village, lane, household);
-- in which households a person is or was, whatever the lane
CREATE INDEX member_person ON member (person);
-- who is in a category that few are in, in the order of a list
CREATE INDEX category_held ON category (category, lane, household);
