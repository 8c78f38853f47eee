// members_loaded.o: gcc -O2 -fPIC
int membersLoaded = 0;
